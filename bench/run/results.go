package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Results is all that was measured, by line. A scenario that runs again replaces its own lines and leaves the others.
type Results struct {
	Machine Machine            `json:"machine"`
	Lines   map[string]Measure `json:"lines"`
	// Series are numbers that only make sense together, such as the cost of each million spans.
	Series map[string][]float64 `json:"series,omitempty"`
}

// Measure is one line's values, one a run, in the line's unit.
type Measure struct {
	Runs   []float64 `json:"runs"`
	Spans  int       `json:"spans"` // of the base load, which a scenario may take a multiple of
	Commit string    `json:"commit"`
	Date   string    `json:"date"`
}

// Median of the runs; the mean of the middle two of an even number.
func (m Measure) Median() float64 {
	if len(m.Runs) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(m.Runs))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// jsonPath is where the numbers of a page lie.
func jsonPath(page string) string { return strings.TrimSuffix(page, filepath.Ext(page)) + ".json" }

// loadResults reads what earlier runs measured; nothing if there is no file.
func loadResults(page string) (Results, error) {
	r := Results{Lines: map[string]Measure{}, Series: map[string][]float64{}}
	b, err := os.ReadFile(jsonPath(page))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read earlier results: %w", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read earlier results in %s: %w", jsonPath(page), err)
	}
	return r, nil
}

// save writes the page and the numbers. A reader never sees half a file.
func (r Results) save(page string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	for path, body := range map[string][]byte{jsonPath(page): append(b, '\n'), page: []byte(r.page())} {
		if err := os.WriteFile(path+".new", body, 0o644); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}
