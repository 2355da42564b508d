package main

import (
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "512B": 512, "1KiB": 1024, "1.5KiB": 1536, "256MiB": 256 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40, "10kB": 10_000, "10KB": 10_000,
		"5MB": 5_000_000, "1GB": 1_000_000_000, "3TB": 3_000_000_000_000, " 7 MiB ": 7 << 20,
	} {
		var b bytesValue
		if err := b.UnmarshalText([]byte(text)); err != nil || int64(b) != want {
			t.Errorf("%q: %d, %v", text, b, err)
		}
		var again bytesValue
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q is written as %q, which reads as %d, %v", text, b, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1XB", "1.2.3", "NaN", "InfB", "1e300", "ten", "10 10"} {
		var b bytesValue
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %d", text, b)
		}
	}
}

func TestTimes(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{"0": 0, "1ns": 1, "200ms": 200 * time.Millisecond, "90s": 90 * time.Second, "10m": 10 * time.Minute, "1h": time.Hour,
		"1h30m": 90 * time.Minute, "30d": 30 * day, "1.5d": 36 * time.Hour, "0d": 0, "365d": 365 * day} {
		var d durationValue
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(d), err)
		}
		var again durationValue
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
			t.Errorf("%q is written as %q, which reads as %v, %v", text, d, again, err)
		}
	}
	for _, text := range []string{"", "d", "-1s", "-1d", "5", "NaNd", "1e9d", "soon", "1w"} {
		var d durationValue
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %v", text, d)
		}
	}
}
