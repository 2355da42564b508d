package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taeldb/tael"
)

// params reads the query of a request. Every parameter must be asked for by a method, read without error and be there once: what is left
// over is unknown. All problems are collected, so that a caller sees them at once.
type params struct {
	values url.Values
	seen   map[string]bool
	errs   []error
	now    time.Time
}

func readParams(r *http.Request, now time.Time) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := &params{values: values, seen: map[string]bool{}, now: now}
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("query string: %w: %w", tael.ErrInvalid, err))
	}
	return p
}

func (p *params) bad(name, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("parameter %s: %w: %s", name, tael.ErrInvalid, fmt.Sprintf(format, args...)))
}

// text is a parameter that is there at most once. An empty value is none, as HTML forms send it.
func (p *params) text(name string) string {
	p.seen[name] = true
	values := p.values[name]
	if len(values) > 1 {
		p.bad(name, "given %d times, want once", len(values))
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func (p *params) all(name string) []string {
	p.seen[name] = true
	return p.values[name]
}

func (p *params) flag(name string) bool {
	switch v := p.text(name); v {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		p.bad(name, "%q: want true or false", v)
		return false
	}
}

// choice gives the value under the text; def when it is not there.
func choice[T any](p *params, name string, def T, of map[string]T) T {
	if got := optional(p, name, of); got != nil {
		return *got
	}
	return def
}

// optional gives the value under the text; nil when it is not there.
func optional[T any](p *params, name string, of map[string]T) *T {
	v := p.text(name)
	if v == "" {
		return nil
	}
	got, ok := of[v]
	if !ok {
		var names []string
		for n := range of {
			names = append(names, n)
		}
		slices.Sort(names)
		p.bad(name, "%q: want %s", v, strings.Join(names, ", "))
		return nil
	}
	return &got
}

func (p *params) limit(def int) int {
	v := p.text("limit")
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > tael.MaxLimit {
		p.bad("limit", "%q: want 1 to %d", v, tael.MaxLimit)
		return def
	}
	return n
}

// milliseconds gives a duration in nanoseconds.
func (p *params) milliseconds(name string) (ns uint64, there bool) {
	v := p.text(name)
	if v == "" {
		return 0, false
	}
	ms, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(ms) || ms < 0 || ms > math.MaxInt64/1e6 {
		p.bad(name, "%q: want milliseconds, 0 or more", v)
		return 0, false
	}
	return uint64(math.Round(ms * 1e6)), true
}

// timeRange reads last, or from and to, as unix nanoseconds; 0 is unbounded.
func (p *params) timeRange() (from, to uint64) {
	last := p.text("last")
	from, to = p.between()
	if last != "" {
		if from != 0 || to != 0 {
			p.bad("last", "give last, or from and to, not both")
		}
		d, err := parseLast(last)
		if err != nil {
			p.bad("last", "%s", err.Error())
			return 0, 0
		}
		return uint64(max(1, p.now.Add(-d).UnixNano())), 0
	}
	return from, to
}

// between reads from and to as unix nanoseconds; 0 is unbounded.
func (p *params) between() (from, to uint64) {
	from, to = p.instant("from"), p.instant("to")
	if from != 0 && to != 0 && from >= to {
		p.bad("from", "it is not before to")
	}
	return from, to
}

func (p *params) instant(name string) uint64 {
	v := p.text(name)
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return n
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	// Years outside 1970 to 2262 do not fit unix nanoseconds.
	if err != nil || t.Before(time.Unix(0, 0)) || t.After(time.Unix(0, math.MaxInt64)) {
		p.bad(name, "%q: want a time as in RFC 3339, 2026-01-31T12:00:00Z, or unix nanoseconds", v)
		return 0
	}
	return uint64(t.UnixNano())
}

var lastUnits = []struct {
	suffix string
	unit   time.Duration
}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"", time.Second}}

// parseLast reads a number with a unit of ms, s, m, h or d; a bare number is seconds.
func parseLast(v string) (time.Duration, error) {
	for _, u := range lastUnits {
		number, ok := strings.CutSuffix(v, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || !(n > 0) || n*float64(u.unit) > math.MaxInt64/2 {
			break
		}
		return time.Duration(n * float64(u.unit)), nil
	}
	return 0, fmt.Errorf("%q: want a number above 0 with a unit of ms, s, m, h or d, like 15m", v)
}

var (
	statusCodes = map[string]tael.StatusCode{"unset": tael.StatusUnset, "ok": tael.StatusOK, "error": tael.StatusError}
	spanKinds   = map[string]tael.SpanKind{"unspecified": tael.SpanKindUnspecified, "internal": tael.SpanKindInternal, "server": tael.SpanKindServer,
		"client": tael.SpanKindClient, "producer": tael.SpanKindProducer, "consumer": tael.SpanKindConsumer}
	sorts = map[string]tael.Sort{"time": tael.SortTime, "duration": tael.SortDuration}
)

// filter reads the filters that lists of spans and of traces share.
func (p *params) filter() tael.Filter {
	f := tael.Filter{Service: p.text("service"), Operation: p.text("operation")}
	f.From, f.To = p.timeRange()
	f.Status, f.Kind = optional(p, "status", statusCodes), optional(p, "kind", spanKinds)
	f.MinDuration, _ = p.milliseconds("min_duration_ms")
	if d, there := p.milliseconds("max_duration_ms"); there {
		f.MaxDuration = &d
	}
	for _, text := range p.all("attribute") {
		m, err := tael.ParseMatch(text)
		if err != nil {
			p.errs = append(p.errs, fmt.Errorf("parameter attribute: %w", err))
			continue
		}
		f.Attributes = append(f.Attributes, m)
	}
	return f
}

// done is the error of all that was wrong, unknown parameters included.
func (p *params) done() error {
	var unknown []string
	for name := range p.values {
		if !p.seen[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		p.bad(name, "the route does not know it")
	}
	return errors.Join(p.errs...)
}
