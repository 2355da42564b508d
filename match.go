package tael

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// MatchOp compares an attribute with a wanted value.
type MatchOp uint8

// The operators, as they are written in a query.
const (
	MatchEqual        MatchOp = iota // k=v
	MatchNotEqual                    // k!=v, true for a span without k
	MatchContains                    // k~=sub, strings only
	MatchRegexp                      // k=~re, strings only, unanchored RE2
	MatchGreater                     // k>n, numbers only
	MatchGreaterEqual                // k>=n
	MatchLess                        // k<n
	MatchLessEqual                   // k<=n
)

var matchSigns = [...]string{"=", "!=", "~=", "=~", ">", ">=", "<", "<="}

// String is the operator's sign.
func (op MatchOp) String() string { return matchSigns[op] }

// AttributeMatch is one condition on an attribute, made by ParseMatch or NewMatch. Comparison is typed: a wanted value that reads as a
// number equals a number of the same value whatever its type (int or double) and a string of the same text; "true" and
// "false" equal the truth values; bytes, arrays and maps equal nothing. Which attribute a key names: see Span.Attribute.
type AttributeMatch struct {
	Key  string
	Op   MatchOp
	Want string // as written

	re *regexp.Regexp

	// What Want is when it reads as a finite number, prepared so that the comparison of a row is exact and makes no garbage.
	number bool
	whole  bool    // it is an int64
	low    bool    // it is below every int64
	i      int64   // the largest int64 that is not above it, unless low
	f      float64 // the double next to it
	side   int     // sign of f - it
}

// maxPattern bounds the size of a regular expression, in bytes.
const maxPattern = 1024

// ParseMatch reads "k=v" and its kin. The operator is the leftmost of the signs, the longest where two start at one place.
func ParseMatch(s string) (AttributeMatch, error) {
	at := strings.IndexAny(s, "=!~<>")
	for ; at >= 0 && at < len(s); at++ {
		for _, op := range []MatchOp{MatchNotEqual, MatchContains, MatchRegexp, MatchGreaterEqual, MatchLessEqual, MatchEqual, MatchGreater, MatchLess} {
			if strings.HasPrefix(s[at:], op.String()) {
				return NewMatch(s[:at], op, s[at+len(op.String()):])
			}
		}
	}
	return AttributeMatch{}, fmt.Errorf("attribute condition %q: %w: want key=value, or one of the operators != ~= =~ > >= < <=", clip(s), ErrInvalid)
}

// NewMatch makes a condition. The error is an ErrInvalid: an empty key, a pattern that does not compile, a bound that is no number.
func NewMatch(key string, op MatchOp, want string) (AttributeMatch, error) {
	m := AttributeMatch{Key: key, Op: op, Want: want}
	fail := func(why string) (AttributeMatch, error) {
		return AttributeMatch{}, fmt.Errorf("attribute condition %q: %w: %s", clip(key+op.String()+want), ErrInvalid, why)
	}
	if key == "" {
		return fail("the key is empty")
	}
	// ParseFloat bounds the exponent upwards, so that a short text cannot make a huge rational.
	if f, err := strconv.ParseFloat(want, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && len(want) <= 64 {
		if f == 0 && !isZero(want) {
			m.setTiny(want[0] == '-')
		} else if r, ok := new(big.Rat).SetString(want); ok {
			m.setNumber(r, f)
		}
	}
	switch op {
	case MatchGreater, MatchGreaterEqual, MatchLess, MatchLessEqual:
		if !m.number {
			return fail("the bound is not a finite number")
		}
	case MatchRegexp:
		if len(want) > maxPattern {
			return fail("the pattern is longer than " + strconv.Itoa(maxPattern) + " bytes")
		}
		re, err := regexp.Compile(want)
		if err != nil {
			return fail(err.Error())
		}
		m.re = re
	}
	return m, nil
}

// setNumber prepares the comparison with want; near is the double that want's text reads as.
func (m *AttributeMatch) setNumber(want *big.Rat, near float64) {
	m.number, m.f = true, near
	m.side = new(big.Rat).SetFloat64(near).Cmp(want)
	floor := new(big.Int).Div(want.Num(), want.Denom()) // Euclidean, so the floor, as the denominator is positive
	switch {
	case floor.IsInt64():
		m.i, m.whole = floor.Int64(), want.IsInt()
	case floor.Sign() > 0:
		m.i = math.MaxInt64
	default:
		m.low = true
	}
}

// setTiny prepares the comparison with a number that is not zero but nearer to it than any double. Its rational could be huge.
func (m *AttributeMatch) setTiny(negative bool) {
	m.number, m.side = true, -1
	if negative {
		m.i, m.side = -1, 1
	}
}

// isZero tells of a text that reads as a number whether the number is zero: all digits before its exponent are.
func isZero(number string) bool {
	text := strings.ToLower(strings.TrimLeft(number, "+-"))
	digits, exponent := "123456789", "e"
	if strings.HasPrefix(text, "0x") {
		text, digits, exponent = text[2:], "123456789abcdef", "p"
	}
	mantissa, _, _ := strings.Cut(text, exponent)
	return !strings.ContainsAny(mantissa, digits)
}

// String is the condition as ParseMatch reads it.
func (m AttributeMatch) String() string { return m.Key + m.Op.String() + m.Want }

// Number is the wanted value when it reads as a finite number that fits an int64 exactly.
func (m AttributeMatch) Number() (int64, bool) {
	if !m.whole {
		return 0, false
	}
	return m.i, true
}

// Matches tells whether the condition holds for the value that the key has (present) or for its absence.
func (m AttributeMatch) Matches(v Value, present bool) bool {
	if !present {
		return m.Op == MatchNotEqual
	}
	switch v.Kind() {
	case KindString:
		return m.MatchesString(v.AsString())
	case KindInt:
		return m.MatchesInt(v.AsInt())
	case KindDouble:
		return m.MatchesDouble(v.AsDouble())
	case KindBool:
		return m.MatchesBool(v.AsBool())
	}
	return m.Op == MatchNotEqual
}

// MatchesString is Matches for a present string.
func (m AttributeMatch) MatchesString(s string) bool {
	switch m.Op {
	case MatchEqual:
		return s == m.Want
	case MatchNotEqual:
		return s != m.Want
	case MatchContains:
		return strings.Contains(s, m.Want)
	case MatchRegexp:
		return m.re.MatchString(s)
	}
	return false
}

// MatchesBool is Matches for a present truth value.
func (m AttributeMatch) MatchesBool(b bool) bool {
	switch m.Op {
	case MatchEqual:
		return strconv.FormatBool(b) == m.Want
	case MatchNotEqual:
		return strconv.FormatBool(b) != m.Want
	}
	return false
}

// MatchesInt is Matches for a present integer. The comparison is exact.
func (m AttributeMatch) MatchesInt(n int64) bool {
	switch {
	case !m.number:
		return m.Op == MatchNotEqual
	case m.whole && n == m.i:
		return m.holds(0)
	case m.low || n > m.i:
		return m.holds(1)
	}
	return m.holds(-1)
}

// MatchesDouble is Matches for a present double. The comparison is exact; NaN equals nothing, and infinities are ordered.
func (m AttributeMatch) MatchesDouble(f float64) bool {
	switch {
	case !m.number || math.IsNaN(f):
		return m.Op == MatchNotEqual
	case f > m.f:
		return m.holds(1)
	case f < m.f:
		return m.holds(-1)
	}
	return m.holds(m.side)
}

// holds applies the operator to the sign of value - wanted.
func (m AttributeMatch) holds(sign int) bool {
	switch m.Op {
	case MatchEqual:
		return sign == 0
	case MatchNotEqual:
		return sign != 0
	case MatchGreater:
		return sign > 0
	case MatchGreaterEqual:
		return sign >= 0
	case MatchLess:
		return sign < 0
	case MatchLessEqual:
		return sign <= 0
	}
	return false
}

// Matches tests a whole span: the definition of what a filter finds, which every faster way must agree with.
func (f *Filter) Matches(s *Span) bool {
	if f.From != 0 && s.Start < f.From || f.To != 0 && s.Start >= f.To {
		return false
	}
	if f.Service != "" && s.Service() != f.Service || f.Operation != "" && !strings.Contains(s.Name, f.Operation) {
		return false
	}
	if f.Status != nil && s.Status.Code != *f.Status || f.Kind != nil && s.Kind != *f.Kind {
		return false
	}
	if !f.SpanID.IsZero() && s.SpanID != f.SpanID {
		return false
	}
	if d := s.Duration(); d < f.MinDuration || f.MaxDuration != nil && d > *f.MaxDuration {
		return false
	}
	for _, m := range f.Attributes {
		if v, ok := s.Attribute(m.Key); !m.Matches(v, ok) {
			return false
		}
	}
	return true
}
