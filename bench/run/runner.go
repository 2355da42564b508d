package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
)

// config is what the flags say.
type config struct {
	taeld     string
	results   string
	repeats   int
	spans     int
	sustained time.Duration
	rest      time.Duration // how long a taeld rests before its memory at rest is read
	profiles  string        // folder for CPU profiles, or ""
	profiled  time.Duration // length of one profile
	dir       string        // for data
	pageOnly  bool
}

// scenario measures some lines together, once a call.
type scenario struct {
	name string
	what string
	run  func(ctx context.Context, b *bench) error
}

// scenarios lists what can be measured, in the order in which it is.
func scenarios() []scenario {
	return []scenario{
		{"ingest", "the first million over OTLP/HTTP, then flushed", measureIngest},
		{"gzip", "the same with gzip", measureGzip},
		{"direct", "the same with one or two spans of a trace per request", measureDirect},
		{"queries", "look-ups and searches among a million spans, hot and then cold", measureQueries},
		{"s3", "look-ups with the cold tier on MinIO", measureS3},
		{"ready", "the start after a SIGKILL with a lot of hot data", measureReady},
		{"kill", "what a SIGKILL right after the last acknowledgement loses", measureKill},
		{"memory", "five million spans at full speed, flushed", measureMemory},
		{"growth", "ten million spans, one by one", measureGrowth},
		{"sustained", "a long load with flush keeping up", measureSustained},
	}
}

// bench is one run of one scenario.
type bench struct {
	config
	scenario string
	round    int
	values   map[string]float64
	series   map[string][]float64
	closers  []func() error
}

// set notes a line's value.
func (b *bench) set(id string, value float64) { b.values[id] = value }

// say tells a person how far it is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: %s, run %d: %s\n", b.scenario, b.round, fmt.Sprintf(format, args...))
}

// atEnd has something closed when the run ends, last first.
func (b *bench) atEnd(f func() error) { b.closers = append(b.closers, f) }

// folder makes a directory that goes when the run ends.
func (b *bench) folder(name string) (string, error) {
	dir, err := os.MkdirTemp(b.dir, "tael-bench-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("make a folder for data: %w", err)
	}
	b.atEnd(func() error { return os.RemoveAll(dir) })
	return dir, nil
}

// load is a part of the test load that can be sent and asked for.
type load struct {
	gen    *gen.Generator
	ledger *loadgen.Ledger
}

// newLoad prepares the numbered load of some spans, whose traces start in the ten minutes before end.
func newLoad(seed uint64, spans int, end time.Time, direct bool) (load, error) {
	o := gen.DefaultOptions(end)
	o.Seed, o.Spans, o.Direct = seed, spans, direct
	g, err := gen.New(o)
	if err != nil {
		return load{}, err
	}
	return load{gen: g, ledger: loadgen.NewLedger(g)}, nil
}

// send has the load acknowledged as fast as the server takes it.
func (b *bench) send(ctx context.Context, s *server, src loadgen.Source, ledger *loadgen.Ledger) (loadgen.Report, error) {
	o := loadgen.DefaultOptions()
	o.Endpoint = s.otlp
	report, err := loadgen.Run(ctx, o, src, ledger)
	if err != nil {
		return report, err
	}
	if report.Rejected > 0 {
		return report, fmt.Errorf("taeld rejected %d spans of the load: %s", report.Rejected, report.RejectedReason)
	}
	b.say("%s spans acknowledged in %.1f s, %s/s, p99 of a request %.0f ms, %d tried again",
		thousands(float64(report.Spans)), report.Elapsed.Seconds(), thousands(report.SpansPerSecond()), ms(report.Latency.Quantile(0.99)), report.Retries)
	return report, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perMillion is seconds of CPU for each million spans.
func perMillion(cpu time.Duration, spans int) float64 { return cpu.Seconds() / (float64(spans) / 1e6) }

// profilePath names the file of a profile.
func (b *bench) profilePath(phase string) string {
	return filepath.Join(b.profiles, fmt.Sprintf("%s-%s-%d.pprof", b.scenario, phase, b.round))
}
