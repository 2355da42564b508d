package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/taeldb/tael"
)

// answer is a JSON object that is appended to. Spans are written by tael's own encoder, which keeps every type; the small rest by encoding/json.
type answer struct {
	b       []byte
	encoder *tael.JSONEncoder
	err     error
}

func newAnswer() *answer { return &answer{encoder: tael.NewJSONEncoder()} }

func (a *answer) name(name string) {
	if len(a.b) == 0 {
		a.b = append(a.b, '{')
	} else {
		a.b = append(a.b, ',')
	}
	a.b = append(a.b, '"')
	a.b = append(a.b, name...)
	a.b = append(a.b, '"', ':')
}

func (a *answer) value(name string, v any) {
	a.name(name)
	b, err := json.Marshal(v)
	if err != nil {
		a.err = fmt.Errorf("encode %s: %w", name, err)
		return
	}
	a.b = append(a.b, b...)
}

func (a *answer) spans(name string, spans []tael.Span) {
	a.name(name)
	a.b = a.encoder.AppendSpans(a.b, spans)
}

func (a *answer) cursor(cursor string) {
	if cursor != "" {
		a.value("next_cursor", cursor)
	}
}

// coverage says when an answer could not see everything; strict refuses such an answer.
func (a *answer) coverage(c tael.Coverage, strict bool) error {
	if c.Partial {
		if strict {
			return fmt.Errorf("%w: %s", errPartial, strings.Join(c.Missing, ", "))
		}
		a.value("partial", true)
		if len(c.Missing) > 0 {
			a.value("missing", c.Missing)
		}
	}
	if c.Explain != nil {
		a.value("explain", c.Explain)
	}
	return nil
}

func (a *answer) bytes() ([]byte, error) { return append(a.b, '}', '\n'), a.err }
