package api

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestBadParametersAreNamed(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct{ query, words string }{
		{"nosuch=1", "nosuch"}, {"Service=cart", "Service"}, {"limit=5&limit=6", "limit 2 times"}, {"service=a&service=b", "service 2 times"},
		{"limit=0", "limit 10000"}, {"limit=-1", "limit 10000"}, {"limit=10001", "limit 10000"}, {"limit=ten", "limit ten"}, {"limit=1.5", "limit"}, {"limit=99999999999999999999", "limit"},
		{"status=bad", "status bad error, ok, unset"}, {"kind=bad", "kind bad client"}, {"sort=cost", "sort cost duration, time"},
		{"strict=maybe", "strict maybe"}, {"explain=yes", "explain yes"},
		{"min_duration_ms=-1", "min_duration_ms -1"}, {"min_duration_ms=NaN", "min_duration_ms NaN"}, {"max_duration_ms=Inf", "max_duration_ms"}, {"max_duration_ms=1s", "max_duration_ms 1s"},
		{"last=soon", "last soon"}, {"last=-5m", "last -5m"}, {"last=0s", "last"}, {"last=5w", "last 5w"}, {"last=NaNs", "last"}, {"last=1e300d", "last"},
		{"last=5m&from=1", "last both"}, {"last=5m&to=2026-01-01T00:00:00Z", "last both"},
		{"from=yesterday", "from yesterday"}, {"to=2026-13-01T00:00:00Z", "to"}, {"from=-5", "from -5"}, {"from=1960-01-01T00:00:00Z", "from"}, {"to=2300-01-01T00:00:00Z", "to"},
		{"from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z", "from before"}, {"from=5&to=5", "from before"},
		{"attribute=k", "attribute"}, {"attribute=%3Dv", "attribute empty"}, {"attribute=k%3D~(", "attribute"}, {"attribute=k%3Ex", "attribute finite"},
		{"a=%zz", "query string"}, {"a=1;b=2", "query string"},
		{"limit=0&nosuch=1&status=bad", "limit nosuch status"},
	} {
		t.Run(c.query, func(t *testing.T) {
			r.get(t, "/api/v1/spans?"+c.query).wantError(t, 400, "invalid", strings.Fields(c.words)...)
			r.get(t, "/api/v1/traces?"+c.query).wantError(t, 400, "invalid", strings.Fields(c.words)...)
		})
	}
}

func TestFilterIsPassedToTheStore(t *testing.T) {
	r := newRig(t, nil)
	now := uint64(storetest.Base.UnixNano())
	status, kind, most := tael.StatusError, tael.SpanKindClient, uint64(2_500_000)
	match := func(s string) tael.AttributeMatch {
		m, err := tael.ParseMatch(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		query string
		want  tael.Filter
	}{
		{"", tael.Filter{}},
		{"service=&status=&last=&from=&limit=&attribute=a%3Db", tael.Filter{Attributes: []tael.AttributeMatch{match("a=b")}}},
		{"service=c+d&operation=GET%20/%C3%BC", tael.Filter{Service: "c d", Operation: "GET /ü"}},
		{"status=error&kind=client", tael.Filter{Status: &status, Kind: &kind}},
		{"min_duration_ms=0.000001&max_duration_ms=2.5", tael.Filter{MinDuration: 1, MaxDuration: &most}},
		{"max_duration_ms=0", tael.Filter{MaxDuration: new(uint64)}},
		{"attribute=http.status_code%3E%3D500&attribute=user!%3Dbob&attribute=url=~%5E/a%3Fb", tael.Filter{Attributes: []tael.AttributeMatch{
			match("http.status_code>=500"), match("user!=bob"), match("url=~^/a?b")}}},
		{"last=1500ms", tael.Filter{From: now - 1_500_000_000}},
		{"last=30s", tael.Filter{From: now - 30_000_000_000}},
		{"last=15m", tael.Filter{From: now - 900_000_000_000}},
		{"last=1.5h", tael.Filter{From: now - 5_400_000_000_000}},
		{"last=2d", tael.Filter{From: now - 172_800_000_000_000}},
		{"last=90", tael.Filter{From: now - 90_000_000_000}},
		{"last=40000d", tael.Filter{From: 1}},
		{"from=1780315200000000001&to=1780315200000000002", tael.Filter{From: 1780315200000000001, To: 1780315200000000002}},
		{"from=2026-06-01T12:00:00.000000001Z&to=2026-06-01T14:00:00%2B01:00", tael.Filter{From: now + 1, To: now + uint64(time.Hour)}},
	} {
		t.Run(c.query, func(t *testing.T) {
			if a := r.get(t, "/api/v1/spans?"+c.query); a.Code != 200 {
				t.Fatal(a.Code, a.text())
			}
			if !reflect.DeepEqual(r.store.spans.Filter, c.want) {
				t.Fatalf("spans: got %+v, want %+v", r.store.spans.Filter, c.want)
			}
			if a := r.get(t, "/api/v1/traces?"+c.query); a.Code != 200 {
				t.Fatal(a.Code, a.text())
			}
			if !reflect.DeepEqual(r.store.traces.Filter, c.want) {
				t.Fatalf("traces: got %+v, want %+v", r.store.traces.Filter, c.want)
			}
		})
	}
}

func TestPagingIsPassedToTheStore(t *testing.T) {
	r := newRig(t, nil)
	r.store.Append("default", storetest.RandomSpans(storetest.NewRand(5), 40))
	r.get(t, "/api/v1/spans")
	if q := r.store.spans; q.Limit != 100 || q.Sort != tael.SortTime || q.Cursor != "" || q.Explain {
		t.Fatalf("defaults are %+v", q)
	}
	for _, path := range []string{"/api/v1/spans", "/api/v1/traces"} {
		seen, cursor, pages := map[string]bool{}, "", 0
		for {
			a := r.get(t, path+"?limit=2&sort=duration&cursor="+url.QueryEscape(cursor))
			rows := a.list(strings.TrimPrefix(path, "/api/v1/"))
			for _, row := range rows {
				row := row.(map[string]any)
				id := row["trace_id"].(string)
				if span, ok := row["span_id"].(string); ok {
					id += span
				}
				if seen[id] {
					t.Fatalf("%s: %s comes twice", path, id)
				}
				seen[id] = true
			}
			pages++
			next, more := a.json["next_cursor"].(string)
			if !more {
				break
			}
			if len(rows) != 2 {
				t.Fatalf("%s: a page of %d rows with one after it", path, len(rows))
			}
			cursor = next
		}
		if want := map[string]int{"/api/v1/spans": 40, "/api/v1/traces": len(r.store.Traces0())}[path]; len(seen) != want || pages < 2 {
			t.Fatalf("%s: %d rows on %d pages, want %d rows", path, len(seen), pages, want)
		}
	}
	if q := r.store.traces; q.Limit != 2 || q.Sort != tael.SortDuration || q.Full {
		t.Fatalf("traces: %+v", q)
	}
	r.get(t, "/api/v1/traces?full=1")
	if !r.store.traces.Full {
		t.Fatal("full is not passed")
	}
	r.get(t, "/api/v1/spans?cursor=forged").wantError(t, 400, "invalid", "cursor")
}

// Traces0 is all traces of the default tenant.
func (s *modelStore) Traces0() []storetest.ModelTrace {
	return s.Model.Traces("default", &tael.Filter{}, tael.SortTime, false)
}
