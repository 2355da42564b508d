package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// bytesValue is a size: a number of bytes, or one with a unit, like 256MiB or 10GB.
type bytesValue int64

var byteUnits = []struct {
	suffix string
	unit   float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *bytesValue) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n < 0 || n*u.unit >= math.MaxInt64 || math.IsNaN(n) {
			break
		}
		*b = bytesValue(n * u.unit)
		return nil
	}
	return fmt.Errorf("%q: want a size like 256MiB or 10GB", s)
}

// String is the size in a large unit that gives a whole number.
func (b bytesValue) String() string {
	for _, u := range []struct {
		suffix string
		unit   bytesValue
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if b != 0 && b%u.unit == 0 {
			return strconv.FormatInt(int64(b/u.unit), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// durationValue is a Go duration that also takes days, like 30d.
type durationValue time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *durationValue) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n < 0 || n > 100_000 || math.IsNaN(n) {
			return fmt.Errorf("%q: want a time like 30d, 12h or 90s", s)
		}
		*d = durationValue(n * 24 * float64(time.Hour))
		return nil
	}
	parsed, err := time.ParseDuration(s)
	if err != nil || parsed < 0 {
		return fmt.Errorf("%q: want a time like 30d, 12h or 90s", s)
	}
	*d = durationValue(parsed)
	return nil
}

// String is the time in days when it is whole days, else as Go writes it without zeros at the end.
func (d durationValue) String() string {
	const day = durationValue(24 * time.Hour)
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := time.Duration(d).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
