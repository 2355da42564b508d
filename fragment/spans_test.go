package fragment

import (
	"math"
	"math/rand/v2"

	"github.com/taeldb/tael"
)

// spanSource makes random spans that use everything a span has.
type spanSource struct {
	*rand.Rand
	resources []*tael.Resource
	scopes    []*tael.Scope
}

func newSpanSource(r *rand.Rand) *spanSource {
	s := &spanSource{Rand: r}
	for range 4 {
		s.resources = append(s.resources, &tael.Resource{Attributes: s.attributes(3), Dropped: uint32(r.IntN(2)), SchemaURL: s.word()})
		s.scopes = append(s.scopes, &tael.Scope{Name: s.word(), Version: s.word(), Attributes: s.attributes(2), Dropped: uint32(r.IntN(2)), SchemaURL: s.word()})
	}
	return s
}

var sourceWords = []string{"", "a", "b", "service.name", "k", "12", "-7", "0.5", "true", "false", "größe"}

func (s *spanSource) word() string { return sourceWords[s.IntN(len(sourceWords))] }

func (s *spanSource) value(depth int) tael.Value {
	n := 8
	if depth > 2 {
		n = 6
	}
	switch s.IntN(n) {
	case 0:
		return tael.Value{}
	case 1:
		return tael.Int(s.Int64N(20) - 8)
	case 2:
		return tael.Double([]float64{0, -7, 0.5, 12, math.NaN(), math.Inf(1), 1e300}[s.IntN(7)])
	case 3:
		return tael.Bool(s.IntN(2) == 0)
	case 4:
		return tael.Bytes([]byte(s.word()))
	case 6:
		var list []tael.Value
		for range s.IntN(3) {
			list = append(list, s.value(depth+1))
		}
		return tael.Array(list)
	case 7:
		var kvs []tael.KeyValue
		for range s.IntN(3) {
			kvs = append(kvs, tael.KeyValue{Key: s.word(), Value: s.value(depth + 1)})
		}
		return tael.Map(kvs)
	}
	return tael.String(s.word())
}

func (s *spanSource) attributes(most int) []tael.KeyValue {
	var kvs []tael.KeyValue
	for range s.IntN(most + 1) {
		kvs = append(kvs, tael.KeyValue{Key: s.word(), Value: s.value(1)})
	}
	return kvs
}

// span makes a span of one of a few traces.
func (s *spanSource) span() tael.Span {
	start := uint64(testNow.UnixNano()) - uint64(s.IntN(1000))
	span := tael.Span{
		TraceID:           tael.TraceID{1, 15: byte(s.IntN(3))},
		SpanID:            tael.SpanID{byte(s.IntN(3)), 7: byte(1 + s.IntN(200))},
		ParentSpanID:      tael.SpanID{7: byte(s.IntN(2))},
		TraceState:        s.word(),
		Flags:             s.Uint32N(3),
		Name:              s.word() + s.word(),
		Kind:              tael.SpanKind(s.IntN(7) - 1),
		Start:             start,
		End:               start + uint64(s.IntN(100)) - 10,
		Attributes:        s.attributes(5),
		Status:            tael.Status{Code: tael.StatusCode(s.IntN(4)), Message: s.word()},
		DroppedAttributes: s.Uint32N(3), DroppedEvents: s.Uint32N(3), DroppedLinks: s.Uint32N(3),
		Resource: s.resources[s.IntN(len(s.resources))],
		Scope:    s.scopes[s.IntN(len(s.scopes))],
	}
	for range s.IntN(3) {
		span.Events = append(span.Events, tael.Event{Time: s.Uint64N(5), Name: s.word(), Attributes: s.attributes(3), Dropped: s.Uint32N(2)})
	}
	for range s.IntN(3) {
		span.Links = append(span.Links, tael.Link{TraceID: tael.TraceID{byte(s.IntN(2))}, SpanID: tael.SpanID{byte(s.IntN(2))}, TraceState: s.word(),
			Attributes: s.attributes(2), Dropped: s.Uint32N(2), Flags: s.Uint32N(2)})
	}
	return span
}

func (s *spanSource) spans(n int) []tael.Span {
	all := make([]tael.Span, n)
	for i := range all {
		all[i] = s.span()
	}
	return all
}

// filter makes a filter that spans of the source match now and then.
func (s *spanSource) filter() *tael.Filter {
	f := &tael.Filter{}
	now := uint64(testNow.UnixNano())
	for range 1 + s.IntN(3) {
		switch s.IntN(9) {
		case 0:
			f.From = now - uint64(s.IntN(1000))
		case 1:
			f.To = now - uint64(s.IntN(1000))
		case 2:
			f.Service = append(sourceWords, tael.UnknownService)[s.IntN(len(sourceWords)+1)]
		case 3:
			f.Operation = s.word()
		case 4:
			code := tael.StatusCode(s.IntN(4))
			f.Status = &code
		case 5:
			kind := tael.SpanKind(s.IntN(7) - 1)
			f.Kind = &kind
		case 6:
			f.MinDuration = s.Uint64N(100)
		case 7:
			most := s.Uint64N(100)
			f.MaxDuration = &most
		case 8:
			f.SpanID = tael.SpanID{byte(s.IntN(3)), 7: byte(1 + s.IntN(200))}
		}
	}
	for range s.IntN(3) {
		op := tael.MatchOp(s.IntN(int(tael.MatchLessEqual) + 1))
		if m, err := tael.NewMatch(sourceWords[1+s.IntN(len(sourceWords)-1)], op, s.word()); err == nil {
			f.Attributes = append(f.Attributes, m)
		}
	}
	return f
}

// rowsOf encodes spans and yields them as rows.
func rowsOf(spans []tael.Span, yield func(*Row) error) error {
	body, resources := AppendBody(nil, spans)
	byID := map[ResourceID][]byte{}
	for _, r := range resources {
		byID[r.ID] = r.Bytes
	}
	return NewDecoder().Rows(body, func(id ResourceID) ([]byte, error) { return byID[id], nil }, yield)
}
