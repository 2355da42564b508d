//go:build load

package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
	"github.com/taeldb/tael/internal/testkit/daemon"
)

const (
	memoryLimit  = 512 << 20
	loadSpans    = 200_000 // of one load; a client sends one after the other
	httpClients  = 3
	connections  = 64  // of a client: together more bytes than may be under way
	sampleTraces = 100 // asked for at the end, of each load
)

// TestMoreThanItCanTake has several clients send at full speed while others ask. What must hold: every refusal asks for a retry, so no client
// that retries loses anything; memory stays under the limit; every query is answered.
func TestMoreThanItCanTake(t *testing.T) {
	length := 10 * time.Minute
	if text := os.Getenv("LOAD_TIME"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("LOAD_TIME: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), length+15*time.Minute)
	defer cancel()
	binary, err := daemon.Build(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := daemon.Start(t, daemon.Options{Binary: binary, Args: []string{"--memory-limit", fmt.Sprint(memoryLimit)}})
	s := &senders{until: time.Now().Add(length), refusals: map[string]int{}}
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range httpClients {
		group.Go(func() error { return s.send(groupCtx, "http", d.OTLP, i) })
	}
	group.Go(func() error { return s.send(groupCtx, "grpc", d.GRPC, httpClients) })

	watched, stop := context.WithCancel(ctx)
	memory := &memoryWatch{}
	askers := &asker{url: d.REST, senders: s}
	var watchers errgroup.Group
	watchers.Go(func() error { return memory.watch(watched, d.PID()) })
	watchers.Go(func() error { return askers.ask(watched) })
	begin := time.Now()
	err = group.Wait()
	took := time.Since(begin)
	stop()
	if err := errors.Join(err, watchers.Wait()); err != nil {
		t.Fatal(err)
	}

	t.Logf("%d spans acknowledged in %.0f s, %.0f a second; refused and tried again: %v", s.spans(), took.Seconds(), float64(s.spans())/took.Seconds(), s.refusals)
	t.Logf("memory at most: anonymous (RssAnon) %d MiB, with mapped files (VmRSS) %d MiB; the limit is %d MiB", memory.anonymous>>20, memory.resident>>20, memoryLimit>>20)
	t.Logf("%d queries answered: p50 %s, p99 %s, slowest %s", len(askers.times), askers.times.Quantile(0.5), askers.times.Quantile(0.99), askers.times.Max())
	if len(s.refusals) == 0 {
		t.Error("nothing was refused, so this was not more than it can take")
	}
	// Pages of mapped files are the kernel's to take back, so the limit is for what only the process can give back.
	if memory.anonymous > memoryLimit {
		t.Errorf("anonymous memory reached %d MiB, the limit is %d MiB", memory.anonymous>>20, memoryLimit>>20)
	}
	if len(askers.times) == 0 {
		t.Error("no query was answered")
	}
	s.check(ctx, t, d.REST)
}

// check asks for a sample of every load, and for the number of all spans after a flush.
func (s *senders) check(ctx context.Context, t *testing.T, url string) {
	for i, l := range s.all() {
		o := loadgen.DefaultVerifyOptions()
		o.URL, o.Sample, o.Seed = url, sampleTraces, uint64(i)
		report, err := loadgen.Verify(ctx, o, l)
		if err = errors.Join(err, report.Err()); err != nil {
			t.Errorf("load %d: %v", i, err)
		}
	}
	if _, err := get(ctx, "POST", url+"/api/v1/admin/flush"); err != nil {
		t.Fatal(err)
	}
	var stats struct{ Cold struct{ Spans int } }
	if err := getJSON(ctx, url+"/api/v1/stats", &stats); err != nil {
		t.Fatal(err)
	}
	if stats.Cold.Spans != s.spans() {
		t.Errorf("%d spans are stored, %d were acknowledged", stats.Cold.Spans, s.spans())
	}
}

// newLoad is one load of a client; the seed makes its ids its own.
func newLoad(seed uint64) (*loadgen.Ledger, error) {
	o := gen.DefaultOptions(time.Now())
	o.Seed, o.Spans = seed, loadSpans
	g, err := gen.New(o)
	if err != nil {
		return nil, err
	}
	return loadgen.NewLedger(g), nil
}
