package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	c, chosen, err := readFlags(args)
	if err != nil {
		return err
	}
	// The load lies in memory as few large pieces, and collecting it would take the server's cores.
	debug.SetGCPercent(400)
	results, err := loadResults(c.results)
	if err != nil {
		return err
	}
	if c.pageOnly {
		return results.save(c.results)
	}
	var errs []error
	for _, s := range chosen {
		begin := time.Now()
		if err := measure(ctx, c, s, &results); err != nil {
			// The other scenarios can still be measured.
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			fmt.Fprintf(os.Stderr, "bench: %s failed: %v\n", s.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", s.name, time.Since(begin).Seconds())
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func readFlags(args []string) (config, []scenario, error) {
	c := config{}
	all := scenarios()
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&c.taeld, "taeld", "bin/taeld", "the binary to measure")
	f.StringVar(&c.results, "results", "bench/RESULTS.md", "the page to write; the numbers go beside it as JSON")
	f.IntVar(&c.repeats, "repeats", 3, "runs of each scenario")
	f.IntVar(&c.spans, "spans", 1_000_000, "the base load; memory takes 5 of it, growth 10")
	f.DurationVar(&c.sustained, "sustained-time", 10*time.Minute, "how long the sustained load is")
	f.DurationVar(&c.rest, "rest-time", 30*time.Second, "how long taeld rests before its memory at rest is read")
	f.StringVar(&c.profiles, "profiles", "", "store CPU profiles of taeld in this folder")
	f.DurationVar(&c.profiled, "profile-time", 5*time.Second, "how long each profile is, whole seconds")
	f.StringVar(&c.dir, "dir", "", "where the data goes for the time of a run; the system's temporary folder if empty")
	f.BoolVar(&c.pageOnly, "page-only", false, "measure nothing, write the page again from its numbers")
	only := f.String("only", "", "measure these, with commas between: "+strings.Join(names, " "))
	if err := f.Parse(args); err != nil {
		return c, nil, err
	}
	if c.repeats < 1 || c.spans < 1000 {
		return c, nil, fmt.Errorf("repeats is %d and spans is %d, want 1 and 1000 or more", c.repeats, c.spans)
	}
	if c.profiles != "" {
		if err := os.MkdirAll(c.profiles, 0o755); err != nil {
			return c, nil, fmt.Errorf("make the folder for profiles: %w", err)
		}
	}
	if *only == "" {
		return c, all, nil
	}
	var chosen []scenario
	for _, name := range strings.Split(*only, ",") {
		i := slices.Index(names, strings.TrimSpace(name))
		if i < 0 {
			return c, nil, fmt.Errorf("no scenario is named %q, want some of %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return c, chosen, nil
}

// measure runs a scenario several times and saves what it found. Lines count only when every run succeeded.
func measure(ctx context.Context, c config, s scenario, results *Results) error {
	machine := thisMachine(ctx)
	runs := map[string][]float64{}
	series := map[string][]float64{}
	for round := range c.repeats {
		b := &bench{config: c, scenario: s.name, round: round + 1, values: map[string]float64{}, series: series}
		b.say("%s", s.what)
		err := s.run(ctx, b)
		slices.Reverse(b.closers)
		for _, c := range b.closers {
			err = errors.Join(err, c())
		}
		if err != nil {
			return fmt.Errorf("run %d: %w", round+1, err)
		}
		for id, v := range b.values {
			runs[id] = append(runs[id], v)
		}
		for _, l := range lines() {
			if v, ok := b.values[l.id]; ok {
				b.say("%s: %s", l.id, l.show(v))
			}
		}
	}
	results.Machine = machine
	for id, values := range runs {
		results.Lines[id] = Measure{Runs: values, Spans: c.spans, Commit: machine.Commit, Date: machine.Date}
	}
	maps.Copy(results.Series, series)
	return results.save(c.results)
}
