package query

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/taeldb/tael"
)

func TestCursorIsBoundToItsQuery(t *testing.T) {
	code, other := tael.StatusError, tael.StatusOK
	kind := tael.SpanKindServer
	short, long := uint64(1), uint64(2)
	match := func(text string) []tael.AttributeMatch {
		m, err := tael.ParseMatch(text)
		if err != nil {
			t.Fatal(err)
		}
		return []tael.AttributeMatch{m}
	}
	type query struct {
		list, tenant string
		sort         tael.Sort
		f            tael.Filter
	}
	different := []query{
		{list: "spans", tenant: "a"}, {list: "traces", tenant: "a"}, {list: "spans", tenant: "b"}, {list: "spans", tenant: "a", sort: tael.SortDuration},
		{"spans", "a", 0, tael.Filter{Service: "x"}}, {"spans", "a", 0, tael.Filter{Operation: "x"}}, {"spans", "a", 0, tael.Filter{Status: &code}},
		{"spans", "a", 0, tael.Filter{Status: &other}}, {"spans", "a", 0, tael.Filter{Kind: &kind}}, {"spans", "a", 0, tael.Filter{SpanID: tael.SpanID{1}}},
		{"spans", "a", 0, tael.Filter{MinDuration: 1}}, {"spans", "a", 0, tael.Filter{MaxDuration: &short}}, {"spans", "a", 0, tael.Filter{MaxDuration: &long}},
		{"spans", "a", 0, tael.Filter{Attributes: match("k=v")}}, {"spans", "a", 0, tael.Filter{Attributes: match("k!=v")}},
		{"spans", "a", 0, tael.Filter{Attributes: append(match("k=v"), match("k=v")...)}}, {"spans", "a", 0, tael.Filter{Attributes: match("k=v2")}},
	}
	k := key{first: 7, start: 8, id: tael.Identity{TraceID: tael.TraceID{1, 15: 2}, SpanID: tael.SpanID{3, 7: 4}, Kind: -5}}
	for i, a := range different {
		cursor := formatCursor(fingerprint(a.list, a.tenant, a.sort, &a.f), k)
		for j, b := range different {
			got, err := parseCursor(fingerprint(b.list, b.tenant, b.sort, &b.f), cursor)
			if i == j && (err != nil || got != k) {
				t.Errorf("query %d: got %+v, %v", i, got, err)
			}
			if i != j && !errors.Is(err, tael.ErrInvalid) {
				t.Errorf("query %d takes the cursor of query %d: %v", j, i, err)
			}
		}
		slid := a.f
		slid.From, slid.To = 5, 6
		if _, err := parseCursor(fingerprint(a.list, a.tenant, a.sort, &slid), cursor); err != nil {
			t.Errorf("query %d with another time range: %v", i, err)
		}
	}
}

func TestCursorGolden(t *testing.T) {
	const want = "AcD347zWXnuLAAAAAAAAAAcAAAAAAAAACAEAAAAAAAAAAAAAAAAAAAIDAAAAAAAABAAAAAI"
	k := key{first: 7, start: 8, id: tael.Identity{TraceID: tael.TraceID{1, 15: 2}, SpanID: tael.SpanID{3, 7: 4}, Kind: 2}}
	if got := formatCursor(fingerprint("spans", "default", tael.SortTime, &tael.Filter{}), k); got != want {
		t.Errorf("got %s, want %s: a client's cursors of an older release are refused", got, want)
	}
}

func TestCursorDamaged(t *testing.T) {
	query := fingerprint("spans", "default", tael.SortTime, &tael.Filter{})
	good := formatCursor(query, key{first: 1})
	for _, s := range []string{"x", good[1:], good + "A", strings.Repeat("A", len(good)), strings.Repeat("!", len(good)), "B" + good[1:], good[:40] + "z" + good[41:], good[:len(good)-1] + "B"} {
		if k, err := parseCursor(query, s); !errors.Is(err, tael.ErrInvalid) {
			t.Errorf("%q: got %+v, %v", s, k, err)
		}
	}
}

func TestPlacesOrder(t *testing.T) {
	id := func(trace, span byte, kind tael.SpanKind) tael.Identity {
		return tael.Identity{TraceID: tael.TraceID{trace}, SpanID: tael.SpanID{span}, Kind: kind}
	}
	order := []key{
		startOf(math.MaxUint64), {first: math.MaxUint64, start: 5, id: id(1, 1, 1)}, startOf(9), {9, 9, id(1, 1, 1)}, {9, 8, id(0, 0, 0)}, {9, 8, id(1, 0, -1)}, {9, 8, id(1, 0, 2)},
		{9, 8, id(1, 1, 0)}, {9, 8, id(2, 0, 0)}, startOf(8), {8, 8, id(0, 0, 0)}, startOf(0), {0, 0, id(0, 0, 0)},
	}
	for i, a := range order {
		for j, b := range order {
			if got := a.compare(b); got < 0 != (i < j) || got > 0 != (i > j) || a.before(b) != (i < j) {
				t.Errorf("%+v to %+v: %d", a, b, got)
			}
		}
	}
}

// FuzzCursor checks that a cursor is refused or reads as what is written the same.
func FuzzCursor(f *testing.F) {
	query := fingerprint("spans", "default", tael.SortTime, &tael.Filter{})
	f.Add(formatCursor(query, key{first: 1, start: 2, id: tael.Identity{Kind: 3}}))
	f.Add("")
	f.Add(strings.Repeat("A", 71))
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseCursor(query, s)
		if err != nil {
			if !errors.Is(err, tael.ErrInvalid) {
				t.Fatalf("error of another class: %v", err)
			}
			return
		}
		if again := formatCursor(query, k); again != s {
			t.Fatalf("%q is written %q", s, again)
		}
	})
}
