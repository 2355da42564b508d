package fragment

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/taeldb/tael"
)

// inOrder sorts spans by their encoding.
func inOrder(spans []tael.Span) []tael.Span {
	encoded := make([][]byte, len(spans))
	for i := range spans {
		encoded[i] = AppendOTLP(nil, spans[i:i+1])
	}
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(encoded[a], encoded[b]) })
	sorted := make([]tael.Span, len(spans))
	for i, at := range order {
		sorted[i] = spans[at]
	}
	return sorted
}

func equalSpans(t *testing.T, got, want []tael.Span) {
	t.Helper()
	got, want = inOrder(got), inOrder(want)
	if len(got) != len(want) {
		t.Fatalf("%d spans, want %d", len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("span\n%+v\n%+v %+v\nwant\n%+v\n%+v %+v", got[i], got[i].Resource, got[i].Scope, want[i], want[i].Resource, want[i].Scope)
		}
	}
}

func TestSpansComeBack(t *testing.T) {
	source := newSpanSource(newRand(t))
	for range 100 {
		spans := source.spans(20)
		var got []tael.Span
		err := rowsOf(spans, func(r *Row) error { got = append(got, r.Span()); return nil })
		if err != nil {
			t.Fatal(err)
		}
		equalSpans(t, got, spans)

		// The same through a request.
		c, d := NewCutter(DefaultLimits()), NewDecoder()
		request := AppendOTLP([]byte{}, spans)
		checkCut(t, c, d, request, testNow)
		batch, _, err := c.Cut("default", request, testNow)
		if err != nil {
			t.Fatal(err)
		}
		got = got[:0]
		resources := map[ResourceID][]byte{}
		for _, r := range batch.Resources {
			resources[r.ID] = r.Bytes
		}
		for _, f := range batch.Fragments {
			err := d.Rows(f.Body, func(id ResourceID) ([]byte, error) { return resources[id], nil }, func(r *Row) error {
				got = append(got, r.Span())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		equalSpans(t, got, spans)
	}
}

func TestRowMatchesAsSpan(t *testing.T) {
	source := newSpanSource(newRand(t))
	matched := 0
	for range 300 {
		filters := make([]*tael.Filter, 20)
		for i := range filters {
			filters[i] = source.filter()
		}
		err := rowsOf(source.spans(30), func(r *Row) error {
			span := r.Span()
			filter := AppendFilter(nil, r.AppendTerms(nil), 20)
			for _, f := range filters {
				want := f.Matches(&span)
				if got := r.Matches(f); got != want {
					t.Fatalf("row matches: %t, span matches: %t\n%+v\n%+v", got, want, f, span)
				}
				if want {
					matched++
					if !FilterMatches(filter, FilterTerms(f)) {
						t.Fatalf("the terms of a filter leave out a span that it matches\n%+v\n%+v", f, span)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if matched < 1000 {
		t.Fatalf("only %d matches: the test tests little", matched)
	}
}

func TestRowsSharesResourcesAndScopes(t *testing.T) {
	source := newSpanSource(newRand(t))
	spans := source.spans(50)
	resources, scopes := map[*ResourceRow]bool{}, map[*tael.Scope]bool{}
	err := rowsOf(spans, func(r *Row) error { resources[r.Resource], scopes[r.Scope] = true, true; return nil })
	if err != nil || len(resources) > len(source.resources) || len(scopes) > len(source.scopes) {
		t.Fatalf("%d resources, %d scopes: %v", len(resources), len(scopes), err)
	}
}

func TestRowsErrors(t *testing.T) {
	spans := newSpanSource(newRand(t)).spans(1)
	body, resources := AppendBody(nil, spans)
	give := func(ResourceID) ([]byte, error) { return resources[0].Bytes, nil }
	ignore := func(*Row) error { return nil }
	mine := errors.New("mine")
	d := NewDecoder()
	if err := d.Rows(body, func(ResourceID) ([]byte, error) { return nil, mine }, ignore); !errors.Is(err, mine) {
		t.Errorf("error of resource: %v", err)
	}
	if err := d.Rows(body, func(ResourceID) ([]byte, error) { return []byte{0xff}, nil }, ignore); !errors.Is(err, tael.ErrDamaged) {
		t.Errorf("damaged resource: %v", err)
	}
	if err := d.Rows(body, give, func(*Row) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("error of yield: %v", err)
	}
	for n := 1; n < len(body); n++ {
		if err := d.Rows(body[:n], give, ignore); !errors.Is(err, tael.ErrDamaged) {
			t.Errorf("%d of %d bytes: %v", n, len(body), err)
		}
	}
	if err := d.Rows(body, give, ignore); err != nil {
		t.Errorf("the decoder works no more: %v", err)
	}
}

func TestDecoderForgets(t *testing.T) {
	d := NewDecoder()
	for i := range 3 * maxCached {
		spans := []tael.Span{{Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "n", Value: tael.Int(int64(i))}}}, Scope: &tael.Scope{}}}
		body, resources := AppendBody(nil, spans)
		err := d.Rows(body, func(ResourceID) ([]byte, error) { return resources[0].Bytes, nil }, func(r *Row) error {
			if v, _ := tael.Lookup(r.Resource.Attributes, "n"); v.AsInt() != int64(i) {
				t.Fatalf("resource of row %d has %d", i, v.AsInt())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.resources) + len(d.scopes); n > maxCached {
		t.Fatalf("the decoder remembers %d", n)
	}
}

func TestValues(t *testing.T) {
	source := newSpanSource(newRand(t))
	values := []tael.Value{{}, tael.String(""), tael.Int(math.MinInt64), tael.Double(math.Copysign(0, -1)), tael.Bool(true), tael.Bool(false), tael.Bytes(nil), tael.Array(nil), tael.Map(nil)}
	for range 500 {
		values = append(values, source.value(0))
	}
	for _, v := range values {
		b := AppendValue(nil, v)
		got, err := ParseValue(b)
		if err != nil || !got.Equal(v) {
			t.Fatalf("%+v became %+v: %v", v, got, err)
		}
		var a Attr
		if err := a.readValue(b, true); err != nil {
			t.Fatal(err)
		}
		if got, err := a.Value(); err != nil || !got.Equal(v) {
			t.Fatalf("%+v became %+v: %v", v, got, err)
		}
	}
	if _, err := ParseValue([]byte{tagAnyString, 5}); !errors.Is(err, tael.ErrDamaged) {
		t.Fatalf("damaged value: %v", err)
	}
}

func FuzzRows(f *testing.F) {
	source := newSpanSource(newRand(f))
	for range 20 {
		body, _ := AppendBody(nil, source.spans(2))
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		resource := func(ResourceID) ([]byte, error) { return nil, nil }
		var spans []tael.Span
		err := NewDecoder().Rows(body, resource, func(r *Row) error {
			for i := range r.Attributes {
				if _, err := r.Attributes[i].Value(); err != nil {
					return err
				}
			}
			r.AppendTerms(nil)
			spans = append(spans, r.Span())
			return nil
		})
		if err != nil {
			if !errors.Is(err, tael.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		// What was read is written and read as the same.
		again, resources := AppendBody(nil, spans)
		var got []tael.Span
		err = NewDecoder().Rows(again, func(id ResourceID) ([]byte, error) {
			return resources[slices.IndexFunc(resources, func(r Resource) bool { return r.ID == id })].Bytes, nil
		}, func(r *Row) error { got = append(got, r.Span()); return nil })
		if err != nil {
			t.Fatal(err)
		}
		equalSpans(t, got, spans)
	})
}
