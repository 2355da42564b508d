package tael_test

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/taeldb/tael"
)

func TestParseMatch(t *testing.T) {
	for in, want := range map[string]struct {
		key  string
		op   tael.MatchOp
		text string
	}{
		"k=v":          {"k", tael.MatchEqual, "v"},
		"k=":           {"k", tael.MatchEqual, ""},
		"k!=v":         {"k", tael.MatchNotEqual, "v"},
		"k~=v":         {"k", tael.MatchContains, "v"},
		"k=~v":         {"k", tael.MatchRegexp, "v"},
		"k>1":          {"k", tael.MatchGreater, "1"},
		"k>=1":         {"k", tael.MatchGreaterEqual, "1"},
		"k<1":          {"k", tael.MatchLess, "1"},
		"k<=-1.5e3":    {"k", tael.MatchLessEqual, "-1.5e3"},
		"k==v":         {"k", tael.MatchEqual, "=v"},
		"k=a=b":        {"k", tael.MatchEqual, "a=b"},
		"k=>=3":        {"k", tael.MatchEqual, ">=3"},
		"k!x=v":        {"k!x", tael.MatchEqual, "v"},
		"a.b/c d=ü":    {"a.b/c d", tael.MatchEqual, "ü"},
		"k=~^a|b$":     {"k", tael.MatchRegexp, "^a|b$"},
		"k~x=v":        {"k~x", tael.MatchEqual, "v"},
		"k>=0x10":      {"k", tael.MatchGreaterEqual, "0x10"},
		"k=1e-999999":  {"k", tael.MatchEqual, "1e-999999"},
		"k=9223372036": {"k", tael.MatchEqual, "9223372036"},
	} {
		m, err := tael.ParseMatch(in)
		switch {
		case err != nil && !(strings.Contains(in, "0x") && errors.Is(err, tael.ErrInvalid)):
			t.Errorf("%q: %v", in, err)
		case err == nil && (m.Key != want.key || m.Op != want.op || m.Want != want.text):
			t.Errorf("%q: got %q %s %q", in, m.Key, m.Op, m.Want)
		case err == nil && m.String() != in:
			t.Errorf("%q is written %q", in, m.String())
		}
	}
	for _, in := range []string{"", "k", "=v", "!=v", ">1", "k>", "k>x", "k<=NaN", "k>Inf", "k>1e999", "k=~(", "k=~" + strings.Repeat("a", 2000), "k!", "k~", "k>" + strings.Repeat("1", 100)} {
		if m, err := tael.ParseMatch(in); !errors.Is(err, tael.ErrInvalid) {
			t.Errorf("%q: got %+v, error %v", in, m, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("%q: the error has %d characters", in, len(err.Error()))
		}
	}
}

// wants are texts of numbers at the edges of the types.
var wants = []string{
	"0", "-0", "1", "1.0", "200", "2e2", "0.1", "0.5", "-0.5", "-1.25", "9007199254740992", "9007199254740993", "9007199254740993.5",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9223372036854775807.5", "1e30", "-1e30",
	"1.7976931348623157e308", "5e-324", "1e-400", "-1e-400", "0x1p-2000", "-0x0.1p-1200", "0e-5", "0x0p-9", "4503599627370496.7", "-4503599627370496.7",
}

// TestNumbersCompareExactly compares the prepared comparison with rational arithmetic.
func TestNumbersCompareExactly(t *testing.T) {
	ints := []int64{0, 1, -1, 2, 199, 200, 201, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, 4503599627370496, 4503599627370497, -4503599627370497, -4503599627370496}
	doubles := []float64{0, math.Copysign(0, -1), 1, 0.1, math.Nextafter(0.1, 0), math.Nextafter(0.1, 1), 0.5, -0.5, -1.25, 200, 1 << 53, 1<<53 + 2, 1 << 63, -(1 << 63), 1e30, -1e30, math.MaxFloat64, -math.MaxFloat64, 5e-324, 4503599627370496.5, 4503599627370497}
	for _, text := range wants {
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatal(text)
		}
		for op := tael.MatchEqual; op <= tael.MatchLessEqual; op++ {
			if op == tael.MatchContains || op == tael.MatchRegexp {
				continue
			}
			m, err := tael.NewMatch("k", op, text)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range ints {
				if got := m.Matches(tael.Int(n), true); got != holds(op, new(big.Rat).SetInt64(n).Cmp(want)) {
					t.Errorf("%d %s %s: got %t", n, op, text, got)
				}
			}
			for _, f := range doubles {
				if got := m.Matches(tael.Double(f), true); got != holds(op, new(big.Rat).SetFloat64(f).Cmp(want)) {
					t.Errorf("%g %s %s: got %t", f, op, text, got)
				}
			}
			for f, sign := range map[float64]int{math.Inf(1): 1, math.Inf(-1): -1} {
				if got := m.Matches(tael.Double(f), true); got != holds(op, sign) {
					t.Errorf("%g %s %s: got %t", f, op, text, got)
				}
			}
			if got := m.Matches(tael.Double(math.NaN()), true); got != (op == tael.MatchNotEqual) {
				t.Errorf("NaN %s %s: got %t", op, text, got)
			}
			if n, whole := m.Number(); whole != (want.IsInt() && want.Num().IsInt64()) || whole && n != want.Num().Int64() {
				t.Errorf("%s: number %d, %t", text, n, whole)
			}
		}
	}
}

func holds(op tael.MatchOp, sign int) bool {
	switch op {
	case tael.MatchEqual:
		return sign == 0
	case tael.MatchNotEqual:
		return sign != 0
	case tael.MatchGreater:
		return sign > 0
	case tael.MatchGreaterEqual:
		return sign >= 0
	case tael.MatchLess:
		return sign < 0
	}
	return sign <= 0
}

func TestMatchesByType(t *testing.T) {
	values := map[string]tael.Value{
		"text": tael.String("abc"), "number text": tael.String("200"), "int": tael.Int(200), "double": tael.Double(200), "true": tael.Bool(true),
		"bytes": tael.Bytes([]byte("200")), "list": tael.Array([]tael.Value{tael.Int(200)}), "map": tael.Map(nil), "empty": {},
	}
	for in, want := range map[string]string{ // the names that match, "-" for a span without the key
		"k=200":   "number text, int, double",
		"k=2e2":   "int, double",
		"k=abc":   "text",
		"k=true":  "true",
		"k!=200":  "text, true, bytes, list, map, empty, -",
		"k~=b":    "text",
		"k~=":     "text, number text",
		"k=~^2":   "number text",
		"k>199.5": "int, double",
		"k<=200":  "int, double",
		"k=":      "",
	} {
		m, err := tael.ParseMatch(in)
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]bool{}
		for _, name := range strings.Split(want, ", ") {
			wanted[name] = true
		}
		for name, v := range values {
			if got := m.Matches(v, true); got != wanted[name] {
				t.Errorf("%s on %s: got %t", in, name, got)
			}
		}
		if got := m.Matches(tael.Value{}, false); got != wanted["-"] {
			t.Errorf("%s without the key: got %t", in, got)
		}
	}
}

func TestFilterMatches(t *testing.T) {
	s := tael.Span{
		SpanID: tael.SpanID{1}, Name: "GET /cart", Kind: tael.SpanKindServer, Start: 100, End: 150, Status: tael.Status{Code: tael.StatusError},
		Attributes: []tael.KeyValue{{Key: "own", Value: tael.Int(1)}},
		Resource:   &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("cart")}, {Key: "own", Value: tael.Int(2)}, {Key: "res", Value: tael.Int(3)}}},
		Scope:      &tael.Scope{Attributes: []tael.KeyValue{{Key: "res", Value: tael.Int(4)}, {Key: "scope", Value: tael.Int(5)}}},
	}
	ok, bad := tael.StatusError, tael.StatusOK
	server, client := tael.SpanKindServer, tael.SpanKindClient
	d49, d50 := uint64(49), uint64(50)
	match := func(text string) []tael.AttributeMatch {
		m, err := tael.ParseMatch(text)
		if err != nil {
			t.Fatal(err)
		}
		return []tael.AttributeMatch{m}
	}
	for i, c := range []struct {
		f    tael.Filter
		want bool
	}{
		{tael.Filter{}, true}, {tael.Filter{From: 100, To: 101}, true}, {tael.Filter{From: 101}, false}, {tael.Filter{To: 100}, false},
		{tael.Filter{Service: "cart"}, true}, {tael.Filter{Service: "car"}, false}, {tael.Filter{Operation: "/cart"}, true}, {tael.Filter{Operation: "get"}, false},
		{tael.Filter{Status: &ok}, true}, {tael.Filter{Status: &bad}, false}, {tael.Filter{Kind: &server}, true}, {tael.Filter{Kind: &client}, false},
		{tael.Filter{SpanID: tael.SpanID{1}}, true}, {tael.Filter{SpanID: tael.SpanID{2}}, false},
		{tael.Filter{MinDuration: 50}, true}, {tael.Filter{MinDuration: 51}, false}, {tael.Filter{MaxDuration: &d50}, true}, {tael.Filter{MaxDuration: &d49}, false},
		{tael.Filter{Attributes: match("own=1")}, true}, {tael.Filter{Attributes: match("own=2")}, false},
		{tael.Filter{Attributes: match("res=3")}, true}, {tael.Filter{Attributes: match("scope=5")}, true}, {tael.Filter{Attributes: match("none!=5")}, true},
		{tael.Filter{Attributes: append(match("own=1"), match("scope=6")...)}, false},
	} {
		if got := c.f.Matches(&s); got != c.want {
			t.Errorf("filter %d %+v: got %t", i, c.f, got)
		}
	}
}

func TestTinyNumbersAreCheapToRead(t *testing.T) {
	if n := testing.AllocsPerRun(10, func() { _, _ = tael.ParseMatch("k>1e-999999") }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestNumberMatchMakesNoGarbage(t *testing.T) {
	for _, text := range wants {
		m, err := tael.NewMatch("k", tael.MatchGreater, text)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, func() { m.MatchesInt(7); m.MatchesDouble(0.1) }); n > 0 {
			t.Errorf("k>%s: %v allocations", text, n)
		}
	}
}

// FuzzParseMatch checks that reading never panics, that what is read is written the same, and that numbers compare as the standard library reads them.
func FuzzParseMatch(f *testing.F) {
	for _, s := range []string{"k=v", "k!=", "k>=1e-999999999", "k=~(a|b)*", "k>0x1p-1074", "<", "k=1_000", "ü~=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := tael.ParseMatch(s)
		if err != nil {
			if !errors.Is(err, tael.ErrInvalid) {
				t.Fatalf("error of another class: %v", err)
			}
			return
		}
		if m.String() != s {
			t.Fatalf("%q is written %q", s, m.String())
		}
		again, err := tael.NewMatch(m.Key, m.Op, m.Want)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []tael.Value{{}, tael.String(m.Want), tael.Int(0), tael.Double(0.5), tael.Bool(true), tael.Bytes([]byte(m.Want))} {
			if m.Matches(v, true) != again.Matches(v, true) {
				t.Fatalf("%q: two readings differ on %v", s, v)
			}
		}
		if n, err := strconv.ParseInt(m.Want, 10, 64); err == nil && len(m.Want) <= 64 {
			if got, whole := m.Number(); !whole || got != n {
				t.Fatalf("%q: number %d %t, want %d", s, got, whole, n)
			}
		}
	})
}
