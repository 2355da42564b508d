package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
	"github.com/taeldb/tael/internal/testkit/daemon"
)

// limit is the longest that the demo runs, whatever hangs.
const limit = 150 * time.Second

const generated = 100_000

func main() {
	taeld := flag.String("taeld", "bin/taeld", "the binary to show")
	cold := flag.String("cold", "folder", "where the Parquet goes: folder or minio")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, limit)
	s := &story{out: os.Stdout, begin: time.Now()}
	ok := s.end(tell(ctx, s, *taeld, *cold))
	cancel()
	stop()
	if !ok {
		os.Exit(1)
	}
}

// show is what the chapters share.
type show struct {
	*story
	taeld *daemon.Daemon
	cold  *coldTier
	api   *api

	runs  []agentRun // of the instrumented programs
	sent  *ledger    // what their exporters sent
	load  *loadgen.Ledger
	spans []known // all spans of the generated load
}

// tell runs the whole demo. What it started is gone when it returns.
func tell(ctx context.Context, s *story, taeld, coldKind string) (err error) {
	// Everything lies in one folder, so that one removal leaves nothing behind.
	dir, err := os.MkdirTemp("", "tael-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cold, err := startCold(ctx, coldKind, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cold.close()) }()
	o := daemon.Options{Binary: taeld, DataDir: dir}
	cold.options(&o)
	d, err := daemon.Run(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	w := &show{story: s, taeld: d, cold: cold, api: newAPI(d.REST), sent: newLedger()}
	w.chapter("taeld runs: OTLP on %s (gRPC) and %s (HTTP), REST on %s, Parquet on %s", d.GRPC, d.OTLP, d.REST, coldKind)

	for _, chapter := range []func(context.Context) error{
		w.runPrograms, w.sendLoad, w.askWhileHot, w.flush, w.askAgain, w.crash, w.askAfterCrash,
	} {
		if err := chapter(ctx); err != nil {
			return fmt.Errorf("%w; taeld said last:\n%s", err, tail(d.Output(), 2000))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return d.Stop(ctx)
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// newLoad prepares a generated load and the ledger of what of it is acknowledged.
func newLoad(seed uint64, spans int, direct bool) (*loadgen.Ledger, error) {
	o := gen.DefaultOptions(time.Now())
	o.Seed, o.Spans, o.Direct = seed, spans, direct
	g, err := gen.New(o)
	if err != nil {
		return nil, err
	}
	return loadgen.NewLedger(g), nil
}
