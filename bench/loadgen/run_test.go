package loadgen

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael/bench/gen"
)

func verify(t *testing.T, url string, l *Ledger) VerifyReport {
	t.Helper()
	o := DefaultVerifyOptions()
	o.URL = url
	v, err := Verify(t.Context(), o, l)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEverythingArrives(t *testing.T) {
	for _, protocol := range []string{"http", "grpc"} {
		for _, compress := range []bool{false, true} {
			r := newReceiver(t, nil)
			url := r.serveHTTP()
			o := DefaultOptions()
			o.Protocol, o.Endpoint, o.Gzip, o.Tenant, o.Token = protocol, url, compress, "acme", "secret"
			if protocol == "grpc" {
				o.Endpoint = r.serveGRPC()
			}
			var last Progress
			o.Progress = func(p Progress) { last = p }
			g := load(t, 4000)
			l := NewLedger(g)
			rep, err := Run(t.Context(), o, Stream(g, compress && protocol == "http"), l)
			if err != nil {
				t.Fatal(err)
			}
			if rep.Spans != 4000 || rep.Requests != 40 || len(rep.Latency) != 40 || rep.Retries != 0 || l.Spans() != 4000 {
				t.Errorf("%s: %d spans in %d requests with %d retries, %d in the ledger; want 4000 in 40", protocol, rep.Spans, rep.Requests, rep.Retries, l.Spans())
			}
			if compress && protocol == "http" && rep.WireBytes*2 > rep.RawBytes {
				t.Errorf("%d bytes on the wire of %d: not compressed", rep.WireBytes, rep.RawBytes)
			}
			if last.Spans != 4000 {
				t.Errorf("the last progress says %d spans, want 4000", last.Spans)
			}
			if r.access[0] != "acme Bearer secret" {
				t.Errorf("%s: the server saw the access %q", protocol, r.access[0])
			}
			if v := verify(t, url, l); v.Err() != nil || v.Traces != g.Traces() || v.Spans != 4000 {
				t.Errorf("%s: verify asked for %d spans of %d traces: %v", protocol, v.Spans, v.Traces, v.Err())
			}
		}
	}
}

func TestRefusedRequestsAreSentAgain(t *testing.T) {
	faults := map[string][]string{
		"http": {"slow down", "unavailable", "kept but lost"},
		"grpc": {"slow down", "unavailable"},
	}
	for protocol, kinds := range faults {
		r := newReceiver(t, func(n int) string {
			if n%2 == 0 && n/2 < len(kinds) {
				return kinds[n/2]
			}
			return ""
		})
		o := DefaultOptions()
		url := r.serveHTTP()
		o.Protocol, o.Endpoint, o.Connections = protocol, url, 1
		if protocol == "grpc" {
			o.Endpoint = r.serveGRPC()
		}
		g := load(t, 1000)
		l := NewLedger(g)
		rep, err := Run(t.Context(), o, Stream(g, false), l)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, n := range rep.Refusals {
			refused += n
		}
		if rep.Retries != len(kinds) || refused != len(kinds) || rep.Spans != 1000 {
			t.Errorf("%s: %d spans, %d retries, refusals %v; want 1000 and %d", protocol, rep.Spans, rep.Retries, rep.Refusals, len(kinds))
		}
		if v := verify(t, url, l); v.Err() != nil {
			t.Error(v.Err())
		}
	}
}

func TestRefusalForGoodEndsTheRun(t *testing.T) {
	for _, c := range []struct{ protocol, fault, code string }{
		{"http", "bad", "400"}, {"grpc", "bad", "InvalidArgument"}, {"grpc", "full", "ResourceExhausted"},
	} {
		r := newReceiver(t, func(n int) string {
			if n == 2 {
				return c.fault
			}
			return ""
		})
		o := DefaultOptions()
		o.Protocol, o.Endpoint, o.Connections = c.protocol, r.serveHTTP(), 1
		if c.protocol == "grpc" {
			o.Endpoint = r.serveGRPC()
		}
		g := load(t, 1000)
		l := NewLedger(g)
		rep, err := Run(t.Context(), o, Stream(g, false), l)
		if err == nil || !strings.Contains(err.Error(), c.code) || rep.Retries != 0 {
			t.Errorf("%s %s: %v after %d retries, want an error with %s at once", c.protocol, c.fault, err, rep.Retries, c.code)
		}
		if l.Spans() != 200 || rep.Spans != 200 {
			t.Errorf("%s %s: %d spans in the ledger, %d in the report, want 200", c.protocol, c.fault, l.Spans(), rep.Spans)
		}
	}
}

func TestGivesUpOnAServerThatIsGone(t *testing.T) {
	for _, o := range []Options{{Protocol: "http", Endpoint: "http://127.0.0.1:1"}, {Protocol: "grpc", Endpoint: "127.0.0.1:1"}} {
		o.Connections, o.Timeout, o.MaxElapsed = 2, time.Second, 200*time.Millisecond
		g := load(t, 1000)
		l := NewLedger(g)
		rep, err := Run(t.Context(), o, Stream(g, false), l)
		if err == nil || rep.Spans != 0 || l.Spans() != 0 {
			t.Errorf("%s: %v with %d spans, want an error and none", o.Protocol, err, rep.Spans)
		}
	}
}

func TestRejectedSpansAreNotAcknowledged(t *testing.T) {
	r := newReceiver(t, func(n int) string {
		if n == 0 {
			return "reject"
		}
		return ""
	})
	o := DefaultOptions()
	o.Endpoint = r.serveHTTP()
	g := load(t, 1000)
	l := NewLedger(g)
	rep, err := Run(t.Context(), o, Stream(g, false), l)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Rejected != 1 || rep.RejectedReason != "too old" || rep.Spans != 999 || l.Spans() != 900 {
		t.Errorf("%d rejected for %q, %d spans, %d in the ledger; want 1, 999 and 900", rep.Rejected, rep.RejectedReason, rep.Spans, l.Spans())
	}
}

func TestStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := newReceiver(t, func(n int) string {
		if n == 5 {
			cancel()
		}
		return ""
	})
	o := DefaultOptions()
	o.Endpoint = r.serveHTTP()
	g := load(t, 20_000)
	if _, err := Run(ctx, o, Stream(g, false), NewLedger(g)); !errors.Is(err, context.Canceled) {
		t.Errorf("the run ends with %v, want that its context is cancelled", err)
	}
}

func TestRateIsKept(t *testing.T) {
	r := newReceiver(t, nil)
	o := DefaultOptions()
	o.Endpoint, o.Rate = r.serveHTTP(), 5000
	g := load(t, 1500)
	rep, err := Run(t.Context(), o, Stream(g, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	// 500 may go at once, the others take 200 ms; only too fast is an error, a busy machine is slower.
	if rep.Elapsed < 150*time.Millisecond {
		t.Errorf("1500 spans at 5000 a second took %s", rep.Elapsed)
	}
}

func TestPreparedLoadsAreTheSame(t *testing.T) {
	g := load(t, 3000)
	for _, compress := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "load")
		inMemory, err := Memory(g, compress)
		if err != nil {
			t.Fatal(err)
		}
		spooled, err := Spool(path, g, compress)
		if err != nil {
			t.Fatal(err)
		}
		want, err := all(Stream(g, compress))
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range []Source{inMemory, spooled, spooled} {
			got, err := all(src)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("a prepared load (%T) differs from the streamed one", src)
			}
		}
		if err := os.Truncate(path, 5000); err != nil {
			t.Fatal(err)
		}
		if _, err := all(spooled); err == nil {
			t.Error("a prepared load that is cut short is read without an error")
		}
	}
}

func all(src Source) ([]Payload, error) {
	var out []Payload
	for p, err := range src.Payloads() {
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	r := newReceiver(t, nil)
	o := DefaultOptions()
	o.Endpoint = r.serveHTTP()
	g := load(t, 2000)
	l := NewLedger(g)
	if _, err := Run(t.Context(), o, Stream(g, false), l); err != nil {
		t.Fatal(err)
	}
	key := func(i int) string { id := g.TraceID(i); return hexOf(id[:]) }
	r.traces[key(1)] = r.traces[key(1)][1:]                          // one missing
	r.traces[key(2)] = append(r.traces[key(2)], r.traces[key(2)][0]) // one doubled
	r.traces[key(3)] = append(r.traces[key(3)], "00000000000000aa")  // one foreign
	delete(r.traces, key(4))                                         // all missing
	v := verify(t, o.Endpoint, l)
	if want := 1 + g.TraceSpans(4); v.Missing != want || v.Doubled != 1 || v.Foreign != 1 || v.Traces-v.Complete != 4 || v.Err() == nil {
		t.Errorf("found %+v, want %d missing, one doubled, one foreign", v, want)
	}
	vo := DefaultVerifyOptions()
	vo.URL, vo.Sample = o.Endpoint, 10
	if v, err := Verify(t.Context(), vo, l); err != nil || v.Traces != 10 {
		t.Errorf("a sample of 10 asked for %d traces: %v", v.Traces, err)
	}
	if v, err := Verify(t.Context(), vo, l, 1, 5); err != nil || v.Traces != 2 || v.Missing != 1 {
		t.Errorf("two named traces: %+v, %v", v, err)
	}
}

func TestLedger(t *testing.T) {
	g := load(t, 200_000)
	l := NewLedger(g)
	for r := range g.Requests() {
		l.Ack(r.Refs)
		l.Ack(r.Refs[:1]) // again
		if l.Spans() > 150_000 {
			break
		}
	}
	if n := len(l.Traces()); n == 0 || n == g.Traces() {
		t.Errorf("%d traces in the ledger of %d", n, g.Traces())
	}
	recent := l.Recent(200)
	if len(recent) != 200 {
		t.Fatalf("%d recent traces, want 200", len(recent))
	}
	seen := map[int]bool{}
	for _, i := range recent {
		if seen[i] || l.Acked(i) == 0 {
			t.Errorf("trace %d is listed twice or was never acknowledged", i)
		}
		seen[i] = true
	}
	if !l.Complete(0) || l.Complete(g.Traces()-1) {
		t.Error("the first trace should be complete and the last not")
	}
}

func TestOptionsListEveryProblem(t *testing.T) {
	err := Options{Protocol: "http", Endpoint: "here", Rate: -1, MaxElapsed: -1}.Validate()
	if n := len(strings.Split(err.Error(), "\n")); n != 5 {
		t.Errorf("%d problems, want 5: %v", n, err)
	}
	if err := DefaultOptions().Validate(); err != nil {
		t.Error(err)
	}
	err = VerifyOptions{Sample: -1}.Validate()
	if n := len(strings.Split(err.Error(), "\n")); n != 4 {
		t.Errorf("%d problems, want 4: %v", n, err)
	}
	if err := DefaultVerifyOptions().Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzReadPayload(f *testing.F) {
	o := gen.DefaultOptions(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	o.Spans, o.SpansPerRequest = 20, 5
	g, err := gen.New(o)
	if err != nil {
		f.Fatal(err)
	}
	var b strings.Builder
	if err := writeSpool(&b, Stream(g, true)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(b.String()))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := readPayload(strings.NewReader(string(in)))
		if err == nil && len(p.Body) > len(in) {
			t.Errorf("a payload of %d bytes from %d", len(p.Body), len(in))
		}
	})
}
