package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestResultsOfTwoRunsAreOnePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "RESULTS.md")
	for _, add := range []map[string]Measure{
		{"ingest.cpu": {Runs: []float64{5, 7, 6}, Spans: 1_000_000, Commit: "abc", Date: "2026-01-01"}, "ingest.rate": {Runs: []float64{150_000}}},
		{"trace.hot": {Runs: []float64{0.5, 0.25}}, "kill.lost": {Runs: []float64{0}}, "memory.peak": {Runs: []float64{3 << 29}}},
	} {
		r, err := loadResults(page)
		if err != nil {
			t.Fatal(err)
		}
		for id, m := range add {
			r.Lines[id] = m
		}
		if err := r.save(page); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 6.00 s or less | ✓ 6.00 s | 5.00 s to 7.00 s | 3 |", "| 200 000/s or more | ✗ 150 000/s |", "| ✓ 0.375 ms | 0.250 ms to 0.500 ms | 2 |",
		"| 0 | ✓ 0 | 0 to 0 | 1 |", "| ✗ 1.50 GiB |", "- abc, 2026-01-01, base load of 1 000 000 spans: ingest.cpu",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the page lacks %q:\n%s", want, b)
		}
	}
}

func TestLinesHaveDifferentNames(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range lines() {
		if seen[l.id] {
			t.Errorf("two lines are named %s", l.id)
		}
		seen[l.id] = true
	}
}

func TestTheKernelTellsWhatThisProcessCosts(t *testing.T) {
	pid := os.Getpid()
	for name, read := range map[string]func(int) (int64, error){"bytes written": bytesWritten, "peak memory": peakMemory, "anonymous memory": anonymousMemory} {
		if n, err := read(pid); err != nil || n < 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if _, err := cpuTime(pid); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), make([]byte, 100_000), 0o644); err != nil {
		t.Fatal(err)
	}
	// A file may share its last block's allocation, but not have fewer bytes than it holds.
	if n, err := diskUsage(dir); err != nil || n < 100_000 {
		t.Errorf("disk usage: %d, %v", n, err)
	}
}
