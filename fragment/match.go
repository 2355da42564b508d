package fragment

import (
	"bytes"
	"math"
	"unsafe"

	"github.com/taeldb/tael"
)

// Matches tests the row as tael.Filter.Matches tests its span, without copying it out.
func (r *Row) Matches(f *tael.Filter) bool {
	if f.From != 0 && r.Start < f.From || f.To != 0 && r.Start >= f.To {
		return false
	}
	if d := r.Duration(); d < f.MinDuration || f.MaxDuration != nil && d > *f.MaxDuration {
		return false
	}
	if f.Status != nil && r.StatusCode != int32(*f.Status) || f.Kind != nil && r.Kind != int32(*f.Kind) {
		return false
	}
	if !f.SpanID.IsZero() && r.SpanID != f.SpanID {
		return false
	}
	if f.Service != "" && r.service() != f.Service {
		return false
	}
	if f.Operation != "" && !bytes.Contains(r.Name, borrowedBytes(f.Operation)) {
		return false
	}
	for i := range f.Attributes {
		if !r.matches(&f.Attributes[i]) {
			return false
		}
	}
	return true
}

func (r *Row) service() string {
	if r.Resource == nil {
		return tael.UnknownService
	}
	return r.Resource.Service
}

func (r *Row) matches(m *tael.AttributeMatch) bool {
	a, v, found := r.attribute(m.Key)
	if a == nil {
		return m.Matches(v, found)
	}
	switch a.Kind {
	case tael.KindString:
		return m.MatchesString(borrowedString(a.Bytes))
	case tael.KindInt:
		return m.MatchesInt(int64(a.Num))
	case tael.KindDouble:
		return m.MatchesDouble(math.Float64frombits(a.Num))
	case tael.KindBool:
		return m.MatchesBool(a.Num != 0)
	}
	return m.Op == tael.MatchNotEqual
}

// attribute finds the value of a key as tael.Span.Attribute does: as the row's own attribute, or else as a value of its resource or
// scope.
func (r *Row) attribute(key string) (*Attr, tael.Value, bool) {
	for i := range r.Attributes {
		if a := &r.Attributes[i]; string(a.Key) == key {
			return a, tael.Value{}, true
		}
	}
	if r.Resource != nil {
		if v, ok := tael.Lookup(r.Resource.Attributes, key); ok {
			return nil, v, true
		}
	}
	if r.Scope != nil {
		if v, ok := tael.Lookup(r.Scope.Attributes, key); ok {
			return nil, v, true
		}
	}
	return nil, tael.Value{}, false
}

// borrowedString is b as a string without a copy, for calls that neither keep it nor let b change meanwhile.
func borrowedString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// borrowedBytes is s as bytes without a copy, for calls that neither keep nor change them.
func borrowedBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
