package storetest

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/taeldb/tael"
)

// RandomFilter makes a filter that often matches some of the spans: its parts are taken from one of them, or from the vocabulary.
func RandomFilter(rng *rand.Rand, spans []tael.Span) tael.Filter {
	var f tael.Filter
	var like tael.Span
	if len(spans) > 0 {
		like = spans[rng.IntN(len(spans))]
	}
	one := func(in int) bool { return rng.IntN(in) == 0 }
	if one(4) {
		f.From = like.Start - uint64(rng.IntN(3))*uint64(time.Hour)*uint64(rng.IntN(2))
	}
	if one(4) {
		f.To = like.Start + 1 + uint64(rng.IntN(3))*uint64(time.Hour)*uint64(rng.IntN(2))
	}
	if f.From > f.To && f.To != 0 {
		f.From = 0
	}
	if one(4) {
		f.Service = like.Service()
	}
	if one(5) {
		f.Operation = pick(rng, []string{"GET", "cart", like.Name, "nowhere"})
	}
	if one(5) {
		code := tael.StatusCode(rng.IntN(3))
		f.Status = &code
	}
	if one(6) {
		kind := tael.SpanKind(rng.IntN(6))
		f.Kind = &kind
	}
	if one(25) {
		f.SpanID = like.SpanID
	}
	if one(6) {
		f.MinDuration = like.Duration() * uint64(rng.IntN(2))
	}
	if one(6) {
		d := like.Duration() + uint64(rng.IntN(2))*uint64(time.Second)
		f.MaxDuration = &d
	}
	for one(3) && len(f.Attributes) < 3 {
		f.Attributes = append(f.Attributes, RandomMatch(rng, like))
	}
	return f
}

// RandomMatch makes an attribute condition, with luck one that the span fulfils.
func RandomMatch(rng *rand.Rand, like tael.Span) tael.AttributeMatch {
	key, want := pick(rng, keys), pick(rng, words)
	if len(like.Attributes) > 0 && rng.IntN(2) == 0 {
		kv := pick(rng, like.Attributes)
		key = kv.Key
		switch kv.Value.Kind() {
		case tael.KindString:
			want = kv.Value.AsString()
		case tael.KindInt:
			want = strconv.FormatInt(kv.Value.AsInt(), 10)
		case tael.KindDouble:
			want = strconv.FormatFloat(kv.Value.AsDouble(), 'g', -1, 64)
		case tael.KindBool:
			want = strconv.FormatBool(kv.Value.AsBool())
		}
	}
	op := tael.MatchOp(rng.IntN(4))
	switch {
	case op == tael.MatchRegexp:
		want = pick(rng, []string{"^2", "a|b", ".*", "(?i)PROD", "^$", "é"})
	case rng.IntN(3) == 0:
		op = tael.MatchOp(4 + rng.IntN(4))
		want = pick(rng, []string{"0", "200", "0.25", "-7", "9007199254740993", "1e300", "200.0"})
	}
	m, err := tael.NewMatch(key, op, want)
	if err != nil { // not reached: every text above is well formed
		m.Key, m.Want = key, want
	}
	return m
}
