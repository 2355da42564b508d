package tael

import (
	"encoding/hex"
	"fmt"
)

// TraceID is the 16-byte trace id of W3C Trace Context and OTLP. All zero is not a valid id.
type TraceID [16]byte

// SpanID is the 8-byte span id of W3C Trace Context and OTLP. All zero means "no span".
type SpanID [8]byte

// IsZero reports whether the id is all zero, which OTLP calls invalid.
func (id TraceID) IsZero() bool { return id == TraceID{} }

// IsZero reports whether the id is all zero, which OTLP calls invalid; a root's parent is zero.
func (id SpanID) IsZero() bool { return id == SpanID{} }

// String is the id as 32 lower-case hexadecimal digits.
func (id TraceID) String() string { return hex.EncodeToString(id[:]) }

// String is the id as 16 lower-case hexadecimal digits.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// ParseTraceID reads 32 hexadecimal digits of any case. The error is an ErrInvalid.
func ParseTraceID(s string) (id TraceID, err error) {
	if err := parseHex(id[:], s); err != nil {
		return TraceID{}, fmt.Errorf("trace id %q: %w", clip(s), err)
	}
	if id.IsZero() {
		return id, fmt.Errorf("trace id %q: %w: all zero", s, ErrInvalid)
	}
	return id, nil
}

// ParseSpanID reads 16 hexadecimal digits of any case. The error is an ErrInvalid.
func ParseSpanID(s string) (id SpanID, err error) {
	if err := parseHex(id[:], s); err != nil {
		return SpanID{}, fmt.Errorf("span id %q: %w", clip(s), err)
	}
	if id.IsZero() {
		return id, fmt.Errorf("span id %q: %w: all zero", s, ErrInvalid)
	}
	return id, nil
}

func parseHex(dst []byte, s string) error {
	if len(s) != 2*len(dst) {
		return fmt.Errorf("%w: want %d hexadecimal digits, got %d characters", ErrInvalid, 2*len(dst), len(s))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("%w: want %d hexadecimal digits", ErrInvalid, 2*len(dst))
	}
	return nil
}

// clip keeps an error that quotes a caller's input short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
