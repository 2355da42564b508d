package fragment

import (
	"math"
	"strings"

	"github.com/taeldb/tael"
)

// Span copies the row out. The resource and the scope are shared with every other span that the Decoder gives; all text of the
// span is in one allocation.
func (r *Row) Span() tael.Span {
	var c copier
	c.text.Grow(r.textLen())
	s := tael.Span{
		TraceID:           r.TraceID,
		SpanID:            r.SpanID,
		ParentSpanID:      r.ParentID,
		TraceState:        c.string(r.TraceState),
		Flags:             r.Flags,
		Name:              c.string(r.Name),
		Kind:              tael.SpanKind(r.Kind),
		Start:             r.Start,
		End:               r.End,
		Attributes:        c.attributes(r.Attributes),
		Status:            tael.Status{Code: tael.StatusCode(r.StatusCode), Message: c.string(r.StatusMessage)},
		DroppedAttributes: r.DroppedAttributes,
		DroppedEvents:     r.DroppedEvents,
		DroppedLinks:      r.DroppedLinks,
		Scope:             r.Scope,
		Sequence:          r.Sequence,
	}
	if r.Resource != nil {
		s.Resource = &r.Resource.Resource
	}
	if len(r.Events) > 0 {
		s.Events = make([]tael.Event, len(r.Events))
		for i := range r.Events {
			e := &r.Events[i]
			s.Events[i] = tael.Event{Time: e.Time, Name: c.string(e.Name), Attributes: c.attributes(e.Attributes), Dropped: e.Dropped}
		}
	}
	if len(r.Links) > 0 {
		s.Links = make([]tael.Link, len(r.Links))
		for i := range r.Links {
			l := &r.Links[i]
			s.Links[i] = tael.Link{TraceID: l.TraceID, SpanID: l.SpanID, TraceState: c.string(l.TraceState),
				Attributes: c.attributes(l.Attributes), Dropped: l.Dropped, Flags: l.Flags}
		}
	}
	return s
}

func (r *Row) textLen() int {
	n := len(r.TraceState) + len(r.Name) + len(r.StatusMessage) + attributesLen(r.Attributes)
	for i := range r.Events {
		n += len(r.Events[i].Name) + attributesLen(r.Events[i].Attributes)
	}
	for i := range r.Links {
		n += len(r.Links[i].TraceState) + attributesLen(r.Links[i].Attributes)
	}
	return n
}

func attributesLen(attrs []Attr) int {
	n := 0
	for i := range attrs {
		if n += len(attrs[i].Key); attrs[i].Kind == tael.KindString {
			n += len(attrs[i].Bytes)
		}
	}
	return n
}

// copier copies text into one growing buffer and hands out parts of it.
type copier struct{ text strings.Builder }

func (c *copier) string(b []byte) string {
	from := c.text.Len()
	c.text.Write(b)
	return c.text.String()[from:]
}

func (c *copier) attributes(attrs []Attr) []tael.KeyValue {
	if len(attrs) == 0 {
		return nil
	}
	kvs := make([]tael.KeyValue, len(attrs))
	for i := range attrs {
		kvs[i] = tael.KeyValue{Key: c.string(attrs[i].Key), Value: c.value(&attrs[i])}
	}
	return kvs
}

func (c *copier) value(a *Attr) tael.Value {
	switch a.Kind {
	case tael.KindString:
		return tael.String(c.string(a.Bytes))
	case tael.KindInt:
		return tael.Int(int64(a.Num))
	case tael.KindDouble:
		return tael.Double(math.Float64frombits(a.Num))
	case tael.KindBool:
		return tael.Bool(a.Num != 0)
	case tael.KindBytes:
		return tael.Bytes(a.Bytes)
	case tael.KindArray, tael.KindMap:
		// The Decoder has checked it, so there is no error.
		v, _ := parseValue(a.Bytes)
		return v
	}
	return tael.Value{}
}
