package kill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
	"github.com/taeldb/tael/internal/testkit/daemon"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

var taeld string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tael-kill-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
		defer cancel()
		if taeld, err = daemon.Build(ctx, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// seed is fixed, unless the long tests are asked for.
func newRand(t *testing.T) *rand.Rand {
	seed := uint64(1)
	if os.Getenv("TAEL_TEST_LONG") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// onFolder and onS3 say where the cold tier lies.
func onFolder(*testing.T) daemon.Options { return daemon.Options{Binary: taeld} }

func onS3(kind s3server.Kind) func(t *testing.T) daemon.Options {
	return func(t *testing.T) daemon.Options { return onServer(s3server.Start(t, kind)) }
}

func onServer(s *s3server.Server) daemon.Options {
	return daemon.Options{
		Binary: taeld,
		Args:   []string{"--cold-url", s.URL("kill"), "--s3-endpoint", s.Endpoint, "--s3-region", "us-east-1", "--s3-path-style"},
		Env:    []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey},
	}
}

// rig is a taeld and all that it acknowledged.
type rig struct {
	*daemon.Daemon
	t       *testing.T
	rng     *rand.Rand
	ctx     context.Context
	ledgers []*loadgen.Ledger
}

func start(t *testing.T, o daemon.Options) *rig {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return &rig{Daemon: daemon.Start(t, o), t: t, rng: newRand(t), ctx: ctx}
}

// send begins to send a new load with a client that retries; ended gives the outcome. Every second load comes as SDKs send that export directly.
func (r *rig) send(spans int) (ledger *loadgen.Ledger, ended <-chan error) {
	r.t.Helper()
	o := gen.DefaultOptions(time.Now())
	o.Seed, o.Spans, o.SpansPerRequest, o.Direct = uint64(len(r.ledgers)+1), spans, 256, len(r.ledgers)%2 == 1
	g, err := gen.New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ledger = loadgen.NewLedger(g)
	r.ledgers = append(r.ledgers, ledger)
	client := loadgen.DefaultOptions()
	client.Endpoint, client.MaxElapsed, client.Timeout = r.OTLP, time.Minute, 10*time.Second
	done := make(chan error, 1)
	go func() {
		_, err := loadgen.Run(r.ctx, client, loadgen.Stream(g, false), ledger)
		done <- err
	}()
	return ledger, done
}

// sendAll returns when a whole load is acknowledged.
func (r *rig) sendAll(spans int) {
	r.t.Helper()
	ledger, ended := r.send(spans)
	if err := <-ended; err != nil {
		r.t.Fatal(err)
	}
	if ledger.Spans() != spans {
		r.t.Fatalf("%d spans are acknowledged, want %d", ledger.Spans(), spans)
	}
}

// kill kills and starts again.
func (r *rig) kill() {
	r.t.Helper()
	if err := r.Kill(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Restart(r.ctx); err != nil {
		r.t.Fatal(err)
	}
}

// sample asks for some traces of the loads by id, and fails unless each acknowledged span is there exactly once.
func (r *rig) sample(ledgers ...*loadgen.Ledger) {
	r.t.Helper()
	for _, l := range ledgers {
		o := loadgen.DefaultVerifyOptions()
		o.URL, o.Sample, o.Seed = r.REST, 30, r.rng.Uint64()
		report, err := loadgen.Verify(r.ctx, o, l)
		if err = errors.Join(err, report.Err()); err != nil {
			r.t.Fatal(err)
		}
	}
}

// checkAll walks the list of all spans and fails unless every span of the loads, which are acknowledged whole, is in it exactly once and nothing
// else is.
func (r *rig) checkAll() {
	r.t.Helper()
	times := map[string]int{}
	for cursor := ""; ; {
		var page struct {
			Spans []struct {
				TraceID string `json:"trace_id"`
				SpanID  string `json:"span_id"`
			} `json:"spans"`
			Partial    bool   `json:"partial"`
			NextCursor string `json:"next_cursor"`
		}
		query := url.Values{"limit": {"10000"}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		if err := r.ask(r.ctx, http.MethodGet, "/api/v1/spans?"+query.Encode(), &page); err != nil {
			r.t.Fatal(err)
		}
		if page.Partial {
			r.t.Fatal("the list of all spans is partial")
		}
		for _, s := range page.Spans {
			times[s.TraceID+s.SpanID]++
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	want, missing, doubled := 0, 0, 0
	for _, l := range r.ledgers {
		g := l.Generator()
		want += g.Spans()
		for trace := range g.Traces() {
			for span := range g.TraceSpans(trace) {
				switch n := times[fmt.Sprintf("%x%x", g.TraceID(trace), g.SpanID(trace, span))]; {
				case n == 0:
					missing++
				case n > 1:
					doubled++
				}
			}
		}
	}
	if missing+doubled > 0 || len(times) != want {
		r.t.Fatalf("of %d acknowledged spans %d are missing, and %d are there more than once; %d are there in all", want, missing, doubled, len(times))
	}
}

// flush asks for everything to be moved to the table.
func (r *rig) flush(ctx context.Context) error {
	return r.ask(ctx, http.MethodPost, "/api/v1/admin/flush", nil)
}

// checkCounts flushes and compares the number of rows with what was acknowledged, which finds a doubled span wherever it is.
func (r *rig) checkCounts() {
	r.t.Helper()
	if err := r.flush(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	stats := r.statsOf(tael.DefaultTenant)
	want := int64(0)
	for _, l := range r.ledgers {
		want += int64(l.Spans())
	}
	if stats.Cold.Spans != want || stats.Hot.Spans != 0 {
		r.t.Fatalf("after a flush there are %d cold and %d hot spans, want %d and 0", stats.Cold.Spans, stats.Hot.Spans, want)
	}
}

type stats struct {
	Hot, Cold struct{ Spans int64 }
}

func (r *rig) statsOf(tenant string) (s stats) {
	r.t.Helper()
	code, body := r.get("/api/v1/stats", tenant)
	if err := json.Unmarshal(body, &s); code != http.StatusOK || err != nil {
		r.t.Fatalf("stats: %d %v: %s", code, err, body)
	}
	return s
}

func (r *rig) ask(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, r.REST+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}
