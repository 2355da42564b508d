package fragment

import (
	"fmt"

	"github.com/taeldb/tael"
)

// refuse tells why a span is not acceptable.
func (c *Cutter) refuse(s *seenSpan, size int) (Reason, bool) {
	switch {
	case len(s.traceID) != len(tael.TraceID{}) || tael.TraceID(s.traceID).IsZero():
		return ReasonTraceID, true
	case len(s.spanID) != len(tael.SpanID{}) || tael.SpanID(s.spanID).IsZero():
		return ReasonSpanID, true
	case len(s.parentID) != 0 && len(s.parentID) != len(tael.SpanID{}):
		return ReasonParentID, true
	case s.badLink:
		return ReasonLinkID, true
	case s.start == 0:
		return ReasonNoStart, true
	case s.start < c.earliest:
		return ReasonTooOld, true
	case s.start > c.latest:
		return ReasonTooNew, true
	case s.end > maxTime:
		return ReasonEnd, true
	case size > c.limits.SpanBytes:
		return ReasonBytes, true
	case s.attributes > c.limits.AttributesPerSpan:
		return ReasonAttributes, true
	}
	return 0, false
}

// maxTime is the last time that fits a signed number of nanoseconds, which is what the columns of both tiers hold.
const maxTime = 1<<63 - 1

// reject counts a span and describes the first one of each reason.
func (c *Cutter) reject(s *seenSpan, size int, why Reason) {
	r := &c.rejected
	r.Spans++
	if r.Reasons[why]++; r.Reasons[why] > 1 {
		return
	}
	var what string
	switch why {
	case ReasonTraceID:
		what = "the trace id " + describeID(s.traceID, len(tael.TraceID{}))
	case ReasonSpanID:
		what = "the span id " + describeID(s.spanID, len(tael.SpanID{}))
	case ReasonParentID:
		what = "the parent span id " + describeID(s.parentID, len(tael.SpanID{}))
	case ReasonLinkID:
		what = "a link's trace id is not of 16 bytes or its span id not of 8"
	case ReasonNoStart:
		what = "the start time is not set"
	case ReasonTooOld:
		what = fmt.Sprintf("it starts at %d ns, more than %s before now", s.start, c.limits.MaxAge)
	case ReasonTooNew:
		what = fmt.Sprintf("it starts at %d ns, more than %s after now", s.start, c.limits.MaxAhead)
	case ReasonEnd:
		what = fmt.Sprintf("it ends at %d ns, after the year 2262", s.end)
	case ReasonBytes:
		what = fmt.Sprintf("it has %d bytes, the limit is %d", size, c.limits.SpanBytes)
	case ReasonAttributes:
		what = fmt.Sprintf("it has %d attributes, the limit is %d", s.attributes, c.limits.AttributesPerSpan)
	}
	r.Examples[why] = fmt.Sprintf("%s (span %q)", what, clip(s.name))
}

func describeID(id []byte, want int) string {
	if len(id) == want {
		return "is all zero"
	}
	return fmt.Sprintf("has %d bytes instead of %d", len(id), want)
}

// clip keeps a message that quotes a sender's name short.
func clip(name []byte) string {
	if len(name) > 64 {
		return string(name[:64]) + "..."
	}
	return string(name)
}
