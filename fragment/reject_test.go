package fragment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
)

func TestLimitsValidate(t *testing.T) {
	if err := DefaultLimits().Validate(); err != nil {
		t.Fatal(err)
	}
	err := Limits{SpanBytes: 0, AttributesPerSpan: -1, MaxAge: 0, MaxAhead: -1}.Validate()
	for _, want := range []string{"span bytes", "attributes per span", "max age", "max ahead"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}

func TestCutRejects(t *testing.T) {
	limits := Limits{SpanBytes: 1000, AttributesPerSpan: 3, MaxAge: time.Hour, MaxAhead: time.Minute}
	good := func() tael.Span {
		return tael.Span{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{2}, Name: "op", Start: uint64(testNow.UnixNano()), End: uint64(testNow.UnixNano()),
			Resource: &tael.Resource{}, Scope: &tael.Scope{}}
	}
	at := func(d time.Duration) uint64 { return uint64(testNow.Add(d).UnixNano()) }
	attributes := func(n int) []tael.KeyValue {
		return make([]tael.KeyValue, n)
	}
	for _, c := range []struct {
		name   string
		change func(*tael.Span)
		extra  []byte // appended to the span
		reason int    // -1: accepted
		text   string
	}{
		{"good", func(s *tael.Span) {}, nil, -1, ""},
		{"ends before it starts", func(s *tael.Span) { s.End = 1 }, nil, -1, ""},
		{"no end", func(s *tael.Span) { s.End = 0 }, nil, -1, ""},
		{"zero trace id", func(s *tael.Span) { s.TraceID = tael.TraceID{} }, nil, int(ReasonTraceID), "the trace id is all zero"},
		{"short trace id", nil, appendBytes(nil, tagSpanTraceID, make([]byte, 8)), int(ReasonTraceID), "the trace id has 8 bytes instead of 16"},
		{"zero span id", func(s *tael.Span) { s.SpanID = tael.SpanID{} }, nil, int(ReasonSpanID), "the span id is all zero"},
		{"no span id", nil, appendBytes(nil, tagSpanID, nil), int(ReasonSpanID), "the span id has 0 bytes instead of 8"},
		{"long parent", nil, appendBytes(nil, tagSpanParentID, make([]byte, 16)), int(ReasonParentID), "parent span id has 16 bytes"},
		{"zero parent", nil, appendBytes(nil, tagSpanParentID, make([]byte, 8)), -1, ""},
		{"bad link", nil, appendBytes(nil, tagSpanLink, appendBytes(nil, tagLinkTraceID, []byte{1})), int(ReasonLinkID), "a link's trace id"},
		{"empty link", nil, appendBytes(nil, tagSpanLink, nil), -1, ""},
		{"no start", func(s *tael.Span) { s.Start = 0 }, nil, int(ReasonNoStart), "the start time is not set"},
		{"oldest", func(s *tael.Span) { s.Start = at(-time.Hour) }, nil, -1, ""},
		{"too old", func(s *tael.Span) { s.Start = at(-time.Hour) - 1 }, nil, int(ReasonTooOld), "more than 1h0m0s before now"},
		{"newest", func(s *tael.Span) { s.Start = at(time.Minute) }, nil, -1, ""},
		{"too new", func(s *tael.Span) { s.Start = at(time.Minute) + 1 }, nil, int(ReasonTooNew), "more than 1m0s after now"},
		{"start overflows", func(s *tael.Span) { s.Start = math.MaxUint64 }, nil, int(ReasonTooNew), "after now"},
		{"end overflows", func(s *tael.Span) { s.End = math.MaxInt64 + 1 }, nil, int(ReasonEnd), "2262"},
		{"last end", func(s *tael.Span) { s.End = math.MaxInt64 }, nil, -1, ""},
		{"large", func(s *tael.Span) { s.Name = strings.Repeat("n", 1000) }, nil, int(ReasonBytes), "the limit is 1000"},
		{"most attributes", func(s *tael.Span) { s.Attributes = attributes(3) }, nil, -1, ""},
		{"many attributes", func(s *tael.Span) { s.Attributes = attributes(4) }, nil, int(ReasonAttributes), "it has 4 attributes, the limit is 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad, other := good(), good()
			if c.change != nil {
				c.change(&bad)
			}
			scope := appendBytes(nil, tagScopeSpansSpan, append(appendSpan(nil, &bad), c.extra...))
			scope = appendBytes(scope, tagScopeSpansSpan, appendSpan(nil, &other))
			body := appendBytes(nil, tagRequestResourceSpans, appendBytes(nil, tagGroupScopeSpans, scope))
			batch, rejected, err := NewCutter(limits).Cut("default", body, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if c.reason < 0 {
				if rejected.Spans != 0 || rejected.Message() != "" || batch.Spans != 2 {
					t.Fatalf("rejected %d, accepted %d: %s", rejected.Spans, batch.Spans, rejected.Message())
				}
				return
			}
			if rejected.Spans != 1 || rejected.Reasons[c.reason] != 1 || batch.Spans != 1 || len(batch.Fragments) != 1 {
				t.Fatalf("rejected %+v, accepted %d", rejected, batch.Spans)
			}
			if m := rejected.Message(); !strings.Contains(m, c.text) || !strings.HasPrefix(m, "1 spans rejected: 1 because ") || len(m) > 200 {
				t.Fatalf("message %q has no %q", m, c.text)
			}
		})
	}
}

func TestReasonNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reasons {
		name := Reason(r).String()
		if name == "" || seen[name] {
			t.Errorf("reason %d is named %q", r, name)
		}
		seen[name] = true
	}
}

// nested makes an AnyValue of arrays in each other.
func nested(depth int) []byte {
	b := AppendValue(nil, tael.String("x"))
	for range depth - 1 {
		b = appendBytes(nil, tagAnyArray, appendBytes(nil, tagListValue, b))
	}
	return b
}

func TestCutDepth(t *testing.T) {
	c := NewCutter(DefaultLimits())
	for depth, ok := range map[int]bool{1: true, 2: true, maxDepth: true, maxDepth + 1: false, 3000: false} {
		for _, tag := range []byte{tagSpanAttribute, tagSpanEvent, tagSpanLink, 0} {
			pair := appendBytes(appendString(nil, tagKeyValueKey, "k"), tagKeyValueValue, nested(depth))
			span := appendSpan(nil, &tael.Span{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{1}, Start: uint64(testNow.UnixNano())})
			var resource []byte
			switch tag {
			case tagSpanAttribute:
				span = appendBytes(span, tag, pair)
			case tagSpanEvent:
				span = appendBytes(span, tag, appendBytes(nil, tagEventAttribute, pair))
			case tagSpanLink:
				span = appendBytes(span, tag, appendBytes(nil, tagLinkAttribute, pair))
			default:
				resource = appendBytes(nil, tagResourceAttribute, pair)
			}
			group := appendBytes(appendBytes(nil, tagGroupResource, resource), tagGroupScopeSpans, appendBytes(nil, tagScopeSpansSpan, span))
			body := appendBytes(nil, tagRequestResourceSpans, group)
			_, _, err := c.Cut("default", body, testNow)
			if (err == nil) != ok || err != nil && !errors.Is(err, tael.ErrInvalid) {
				t.Errorf("depth %d in field %d: %v", depth, tag>>3, err)
			}
			if ok {
				checkCut(t, c, NewDecoder(), body, testNow)
			}
		}
	}
}

func TestCutInvalidTakesNothing(t *testing.T) {
	c := NewCutter(DefaultLimits())
	good := AppendOTLP(nil, newSpanSource(newRand(t)).spans(10))
	for _, bad := range [][]byte{{0x0a}, {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, {0x00}, {0x0c}, {0x0b}} {
		batch, rejected, err := c.Cut("default", append(good[:len(good):len(good)], bad...), testNow)
		if !errors.Is(err, tael.ErrInvalid) || batch != nil || rejected.Spans != 0 {
			t.Errorf("%x: %v, %+v, %v", bad, batch, rejected, err)
		}
	}
	checkCut(t, c, NewDecoder(), good, testNow)
}

// manySmall makes a request with a ResourceSpans message for every span, as a Collector forwards it that does not group.
func manySmall(spans, traces int) []byte {
	var body []byte
	for i := range spans {
		s := tael.Span{Name: "op", Start: uint64(testNow.UnixNano()), SpanID: tael.SpanID{1, 2}, Attributes: []tael.KeyValue{{Key: "i", Value: tael.Int(int64(i % 7))}},
			Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String(fmt.Sprint("s", i%3))}}}, Scope: &tael.Scope{Name: fmt.Sprint("lib", i%2)}}
		binary.BigEndian.PutUint64(s.TraceID[:], uint64(i%traces)+1)
		binary.BigEndian.PutUint32(s.SpanID[4:], uint32(i))
		body = AppendOTLP(body, []tael.Span{s})
	}
	return body
}

func TestCutGathersEqualResources(t *testing.T) {
	c, d := NewCutter(DefaultLimits()), NewDecoder()
	body := manySmall(600, 2)
	checkCut(t, c, d, body, testNow)
	batch, _, err := c.Cut("default", body, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if len(batch.Resources) != 3 || len(batch.Fragments) != 2 {
		t.Fatalf("%d resources, %d fragments", len(batch.Resources), len(batch.Fragments))
	}
	for _, f := range batch.Fragments {
		groups := 0
		for i := 0; i < len(f.Body); {
			n, size := binary.Uvarint(f.Body[i+16:])
			i += 16 + size + int(n)
			groups++
		}
		if groups != 3 {
			t.Errorf("a fragment has %d groups, want one a resource", groups)
		}
	}
	// Small again after a large request, and right.
	for _, n := range []int{9_000, 10, 700, 0, 3} {
		checkCut(t, c, d, manySmall(n, n/2+1), testNow)
	}
	if len(c.slots) > 16*minSlots {
		t.Errorf("the table of traces has %d slots", len(c.slots))
	}
}

func TestCutForgets(t *testing.T) {
	c := NewCutter(DefaultLimits())
	for i := range 3 * maxCached {
		s := tael.Span{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{1}, Start: uint64(testNow.UnixNano()), Scope: &tael.Scope{},
			Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "n", Value: tael.Int(int64(i))}}}}
		batch, _, err := c.Cut("default", AppendOTLP(nil, []tael.Span{s}), testNow)
		if err != nil || len(batch.Resources) != 1 {
			t.Fatal(batch, err)
		}
	}
	if n := len(c.cache.resources) + len(c.cache.contexts); n > maxCached+2 {
		t.Errorf("the cutter remembers %d", n)
	}
}
