package tael_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/taeldb/tael"
)

func TestParseIDs(t *testing.T) {
	trace, err := tael.ParseTraceID("0af7651916CD43dd8448eb211c80319C")
	if err != nil || trace.String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("got %s, %v", trace, err)
	}
	span, err := tael.ParseSpanID("B7ad6b7169203331")
	if err != nil || span.String() != "b7ad6b7169203331" {
		t.Errorf("got %s, %v", span, err)
	}
	for _, s := range []string{"", "0", strings.Repeat("0", 32), strings.Repeat("0", 16), strings.Repeat("g", 32), strings.Repeat("g", 16), strings.Repeat("a", 33), "0x" + strings.Repeat("a", 30), strings.Repeat("é", 16), strings.Repeat("a", 10_000)} {
		if _, err := tael.ParseTraceID(s); !errors.Is(err, tael.ErrInvalid) || len(err.Error()) > 300 {
			t.Errorf("trace id %.40q: %v", s, err)
		}
		if _, err := tael.ParseSpanID(s); !errors.Is(err, tael.ErrInvalid) || len(err.Error()) > 300 {
			t.Errorf("span id %.40q: %v", s, err)
		}
	}
}

func TestCheckTenant(t *testing.T) {
	for _, s := range []string{"default", "a", "A-1_b.c", strings.Repeat("x", 64), "...", "-"} {
		if err := tael.CheckTenant(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", ".", "..", "a/b", "a b", "ü", strings.Repeat("x", 65), "a\x00", "a\n"} {
		if err := tael.CheckTenant(s); !errors.Is(err, tael.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestVersionsOrder(t *testing.T) {
	order := []tael.Version{{End: 1, Sequence: 9}, {End: 2, Sequence: 1}, {End: 2, Sequence: 2}, {End: 1 << 63, Sequence: 0}}
	for i, a := range order {
		for j, b := range order {
			if got := a.Compare(b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%+v to %+v: %d", a, b, got)
			}
		}
	}
}

// FuzzIDs checks that an id that is read is written the same, in lower case.
func FuzzIDs(f *testing.F) {
	f.Add("0af7651916cd43dd8448eb211c80319c")
	f.Add("b7ad6b7169203331")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := tael.ParseTraceID(s); err == nil && (id.String() != strings.ToLower(s) || id.IsZero()) {
			t.Errorf("%q reads as %s", s, id)
		}
		if id, err := tael.ParseSpanID(s); err == nil && (id.String() != strings.ToLower(s) || id.IsZero()) {
			t.Errorf("%q reads as %s", s, id)
		}
	})
}
