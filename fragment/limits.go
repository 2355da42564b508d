package fragment

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits are what a span must keep to be stored.
type Limits struct {
	// SpanBytes is the largest encoded span, in bytes.
	SpanBytes int
	// AttributesPerSpan is the largest number of a span's own attributes.
	AttributesPerSpan int
	// MaxAge is how far before now a span may start.
	MaxAge time.Duration
	// MaxAhead is how far after now a span may start.
	MaxAhead time.Duration
}

// DefaultLimits are 8 MiB and 1024 attributes a span, a year back and an hour ahead.
func DefaultLimits() Limits {
	return Limits{SpanBytes: 8 << 20, AttributesPerSpan: 1024, MaxAge: 8760 * time.Hour, MaxAhead: time.Hour}
}

// Validate lists every problem of the limits.
func (l Limits) Validate() error {
	var errs []error
	if l.SpanBytes < 1 {
		errs = append(errs, fmt.Errorf("span bytes is %d, want 1 or more", l.SpanBytes))
	}
	if l.AttributesPerSpan < 0 {
		errs = append(errs, fmt.Errorf("attributes per span is %d, want 0 or more", l.AttributesPerSpan))
	}
	if l.MaxAge <= 0 {
		errs = append(errs, fmt.Errorf("max age is %s, want more than 0", l.MaxAge))
	}
	if l.MaxAhead < 0 {
		errs = append(errs, fmt.Errorf("max ahead is %s, want 0 or more", l.MaxAhead))
	}
	return errors.Join(errs...)
}

// Reason is why a span was rejected.
type Reason uint8

// The reasons. A span with several is counted under the first of them.
const (
	ReasonTraceID    Reason = iota // all zero, or not 16 bytes
	ReasonSpanID                   // all zero, or not 8 bytes
	ReasonParentID                 // neither empty nor 8 bytes
	ReasonLinkID                   // a link's trace id is neither empty nor 16 bytes, or its span id neither empty nor 8
	ReasonNoStart                  // the start time is not set
	ReasonTooOld                   // it starts before now - Limits.MaxAge
	ReasonTooNew                   // it starts after now + Limits.MaxAhead
	ReasonEnd                      // the end time does not fit 63 bits of nanoseconds, which is after the year 2262
	ReasonBytes                    // larger than Limits.SpanBytes
	ReasonAttributes               // more than Limits.AttributesPerSpan
	reasonCount
)

var reasonNames = [reasonCount]string{"trace_id", "span_id", "parent_id", "link_id", "no_start", "too_old", "too_new", "end", "span_bytes", "attributes"}

// Reasons is the number of reasons: Reason(0) to Reason(Reasons-1).
const Reasons = int(reasonCount)

// String is a short name of the reason, fit for a metric's label.
func (r Reason) String() string { return reasonNames[r] }

// Rejected counts the spans of a request that were not taken. It is the caller's to keep.
type Rejected struct {
	Spans int
	// Reasons has the count of each Reason.
	Reasons [Reasons]int
	// Examples says for each Reason that was met what was wrong with the first such span.
	Examples [Reasons]string
}

// Message says what was rejected and why, for the sender; "" when nothing was.
func (r *Rejected) Message() string {
	if r.Spans == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d spans rejected: ", r.Spans)
	first := true
	for i, n := range r.Reasons {
		if n == 0 {
			continue
		}
		if !first {
			b.WriteString("; ")
		}
		first = false
		fmt.Fprintf(&b, "%d because %s", n, r.Examples[i])
	}
	return b.String()
}
