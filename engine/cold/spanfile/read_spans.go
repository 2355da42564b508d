package spanfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// spanBuilder puts spans together out of vectors of layout.whole.
type spanBuilder struct {
	l     *layout
	by    []*vector // by leaf
	spans []tael.Span
}

var errEntries = errors.New("columns of one list or map have different levels")

// spans puts the rows of the vectors of the layout's whole leaves together. Spans of one call share resources and scopes.
func (f *File) spans(group int, vectors []vector) ([]tael.Span, error) {
	l := f.shared.layout
	b := &spanBuilder{l: l, by: make([]*vector, len(l.leaves))}
	for i, leaf := range l.whole {
		b.by[leaf] = &vectors[i]
	}
	b.spans = make([]tael.Span, vectors[0].rows)
	for _, step := range [...]func() error{b.fixed, b.texts, b.shared, b.attributes, b.events, b.links} {
		if err := step(); err != nil {
			return nil, f.damage(f.place(group, -1), err)
		}
	}
	return b.spans, nil
}

// each calls yield with every row of a flat leaf that has a value.
func (b *spanBuilder) each(leaf int, yield func(s *tael.Span, i int)) {
	v := b.by[leaf]
	switch {
	case v.absent:
	case v.maxDef == 0:
		for row := range b.spans {
			yield(&b.spans[row], row)
		}
	default:
		i := 0
		for row, d := range v.def {
			if d == v.maxDef {
				yield(&b.spans[row], i)
				i++
			}
		}
	}
}

func (b *spanBuilder) fixed() error {
	l := b.l
	ids := func(leaf int, set func(s *tael.Span, id []byte)) {
		v := b.by[leaf]
		b.each(leaf, func(s *tael.Span, i int) { set(s, v.fixed(i)) })
	}
	ids(l.traceID, func(s *tael.Span, id []byte) { copy(s.TraceID[:], id) })
	ids(l.spanID, func(s *tael.Span, id []byte) { copy(s.SpanID[:], id) })
	ids(l.parent, func(s *tael.Span, id []byte) { copy(s.ParentSpanID[:], id) })
	ints := func(leaf int, set func(s *tael.Span, n int64)) {
		v := b.by[leaf]
		b.each(leaf, func(s *tael.Span, i int) { set(s, v.int(i)) })
	}
	ints(l.start, func(s *tael.Span, n int64) { s.Start = uint64(n) * 1000 })
	ints(l.startNanos, func(s *tael.Span, n int64) { s.Start += uint64(n) })
	ints(l.duration, func(s *tael.Span, n int64) { s.End = s.Start + uint64(n) })
	ints(l.sequence, func(s *tael.Span, n int64) { s.Sequence = uint64(n) })
	ints(l.kind, func(s *tael.Span, n int64) { s.Kind = tael.SpanKind(n) })
	ints(l.status, func(s *tael.Span, n int64) { s.Status.Code = tael.StatusCode(n) })
	ints(l.flags, func(s *tael.Span, n int64) { s.Flags = uint32(n) })
	ints(l.droppedAttributes, func(s *tael.Span, n int64) { s.DroppedAttributes = uint32(n) })
	ints(l.droppedEvents, func(s *tael.Span, n int64) { s.DroppedEvents = uint32(n) })
	ints(l.droppedLinks, func(s *tael.Span, n int64) { s.DroppedLinks = uint32(n) })
	return nil
}

// stringer makes strings of a vector's values. Those of a dictionary are copied, so that a span does not keep a dictionary alive: once for equal ones
// that follow each other, and long ones once at all. The others are parts of what was read for these very rows.
type stringer struct {
	v    *vector
	last uint32
	text string
	used bool
	long map[uint32]string
}

// longText is the size from which on a copy of a dictionary's text is kept for the other rows that have it.
const longText = 128

func (t *stringer) at(i int) string {
	if t.v.dict == nil {
		return t.v.text(i)
	}
	k := t.v.index[i]
	if t.used && k == t.last {
		return t.text
	}
	text, ok := t.long[k]
	if !ok {
		text = strings.Clone(t.v.dict.text(int(k)))
		if len(text) >= longText {
			if t.long == nil {
				t.long = map[uint32]string{}
			}
			t.long[k] = text
		}
	}
	t.last, t.used, t.text = k, true, text
	return text
}

func (b *spanBuilder) texts() error {
	for _, c := range [...]struct {
		leaf int
		set  func(s *tael.Span, text string)
	}{
		{b.l.name, func(s *tael.Span, t string) { s.Name = t }},
		{b.l.statusMessage, func(s *tael.Span, t string) { s.Status.Message = t }},
		{b.l.traceState, func(s *tael.Span, t string) { s.TraceState = t }},
	} {
		t := stringer{v: b.by[c.leaf]}
		b.each(c.leaf, func(s *tael.Span, i int) { c.set(s, t.at(i)) })
	}
	return nil
}

// shared decodes resources and scopes, each content once.
func (b *spanBuilder) shared() error {
	resources, err := distinct(b, b.l.resource, parseResource, func(s *tael.Span, r *tael.Resource) { s.Resource = r })
	if err != nil {
		return fmt.Errorf("%d resources: %w", resources, err)
	}
	scopes, err := distinct(b, b.l.scope, parseScope, func(s *tael.Span, p *tael.Scope) { s.Scope = p })
	if err != nil {
		return fmt.Errorf("%d scopes: %w", scopes, err)
	}
	return nil
}

func distinct[T any](b *spanBuilder, leaf int, parse func([]byte) (*T, error), set func(*tael.Span, *T)) (int, error) {
	v := b.by[leaf]
	seen := map[string]*T{}
	var failed error
	var last *T
	lastIndex := -1
	b.each(leaf, func(s *tael.Span, i int) {
		if v.dict != nil && int(v.index[i]) == lastIndex {
			set(s, last)
			return
		}
		raw := v.blob(i)
		t, ok := seen[string(raw)]
		if !ok {
			var err error
			if t, err = parse(raw); err != nil && failed == nil {
				failed = err
			}
			seen[string(raw)] = t
		}
		if v.dict != nil {
			last, lastIndex = t, int(v.index[i])
		}
		set(s, t)
	})
	return len(seen), failed
}

// entries calls yield for every value of the map in file order, with the row that has it.
func (b *spanBuilder) entries(m mapLeaves, yield func(row, i int)) error {
	key, value := b.by[m.key], b.by[m.value]
	if err := aligned(key, value); err != nil {
		return err
	}
	row, i := -1, 0
	for e, d := range key.def {
		if key.rep[e] == 0 {
			row++
		}
		if d == key.maxDef {
			yield(row, i)
			i++
		}
	}
	return nil
}

// aligned checks that two members of a map have the same entries.
func aligned(key, value *vector) error {
	if key.absent != value.absent || len(key.def) != len(value.def) || key.count() != value.count() {
		return errEntries
	}
	return nil
}

// attributes fills the span attributes: promoted columns, then the maps. The first of a key's values comes first, as the writer puts all
// further ones into the last map.
func (b *spanBuilder) attributes() error {
	counts := make([]int32, len(b.spans))
	total := 0
	for _, leaf := range b.l.promoted {
		v := b.by[leaf]
		if v.absent {
			continue
		}
		for row, d := range v.def {
			if d == v.maxDef {
				counts[row]++
				total++
			}
		}
	}
	for _, m := range b.l.maps {
		if err := b.entries(m, func(row, _ int) { counts[row]++; total++ }); err != nil {
			return err
		}
	}
	slab := make([]tael.KeyValue, total)
	for row, n := range counts {
		if n > 0 {
			b.spans[row].Attributes, slab = slab[:0:n], slab[n:]
		}
	}
	for _, leaf := range b.l.promoted {
		v, key := b.by[leaf], b.l.leaves[leaf].Span
		t := stringer{v: v}
		var value func(i int) tael.Value
		switch b.l.leaves[leaf].Type {
		case Long:
			value = func(i int) tael.Value { return tael.Int(v.int(i)) }
		case Double:
			value = func(i int) tael.Value { return tael.Double(doubleOf(v, i)) }
		case Boolean:
			value = func(i int) tael.Value { return tael.Bool(v.int(i) != 0) }
		default:
			value = func(i int) tael.Value { return tael.String(t.at(i)) }
		}
		b.each(leaf, func(s *tael.Span, i int) {
			s.Attributes = append(s.Attributes, tael.KeyValue{Key: key, Value: value(i)})
		})
	}
	for _, m := range b.l.maps {
		kv := b.pairs(m)
		var failed error
		if err := b.entries(m, func(row, i int) {
			pair, err := kv(i)
			if err != nil {
				failed = err
			}
			b.spans[row].Attributes = append(b.spans[row].Attributes, pair)
		}); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// pairs gives a function that makes entry i of a map.
func (b *spanBuilder) pairs(m mapLeaves) func(i int) (tael.KeyValue, error) {
	keys, v := stringer{v: b.by[m.key]}, b.by[m.value]
	t := stringer{v: v}
	return func(i int) (tael.KeyValue, error) {
		kv := tael.KeyValue{Key: keys.at(i)}
		var err error
		switch m.kind {
		case tael.KindString:
			kv.Value = tael.String(t.at(i))
		case tael.KindInt:
			kv.Value = tael.Int(v.int(i))
		case tael.KindDouble:
			kv.Value = tael.Double(doubleOf(v, i))
		case tael.KindBool:
			kv.Value = tael.Bool(v.int(i) != 0)
		default:
			kv.Value, err = fragment.ParseValue(v.blob(i))
		}
		return kv, err
	}
}

func doubleOf(v *vector, i int) float64 {
	list, k := v.at(i)
	return list.double(k)
}
