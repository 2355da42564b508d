package tael

// Span is one OTLP span with the resource and scope that it came under. Times are unix nanoseconds; numbers that OTLP
// calls dropped counts are kept as sent.
type Span struct {
	TraceID      TraceID
	SpanID       SpanID
	ParentSpanID SpanID // zero for a root
	TraceState   string
	Flags        uint32
	Name         string
	Kind         SpanKind
	Start, End   uint64
	Attributes   []KeyValue
	Events       []Event
	Links        []Link
	Status       Status

	DroppedAttributes, DroppedEvents, DroppedLinks uint32

	Resource *Resource // never nil; shared between spans, callers do not change it
	Scope    *Scope    // never nil; shared between spans, callers do not change it

	// Sequence orders versions of one span that end at the same time: the later wins. It is the hot segment's
	// counter and the entry's number in it, see Version.
	Sequence uint64
}

// Event is a moment inside a span.
type Event struct {
	Time       uint64
	Name       string
	Attributes []KeyValue
	Dropped    uint32
}

// Link points from a span to another.
type Link struct {
	TraceID    TraceID
	SpanID     SpanID
	TraceState string
	Attributes []KeyValue
	Dropped    uint32
	Flags      uint32
}

// Status is the outcome that the span's program set.
type Status struct {
	Code    StatusCode
	Message string
}

// Resource is what produced a span.
type Resource struct {
	Attributes []KeyValue
	Dropped    uint32
	SchemaURL  string
}

// Scope is the instrumentation library of a span.
type Scope struct {
	Name, Version string
	Attributes    []KeyValue
	Dropped       uint32
	SchemaURL     string
}

// UnknownService is the service name of a span whose resource has no service.name, as in the OTel semantic conventions.
const UnknownService = "unknown_service"

// ServiceName is the resource's service.name when it is a non-empty string, else UnknownService.
func (r *Resource) ServiceName() string {
	if r != nil {
		if v, ok := Lookup(r.Attributes, "service.name"); ok && v.Kind() == KindString && v.AsString() != "" {
			return v.AsString()
		}
	}
	return UnknownService
}

// Service is the name of the service that made the span.
func (s *Span) Service() string { return s.Resource.ServiceName() }

// Duration is End - Start in nanoseconds, 0 when the span ends before it starts.
func (s *Span) Duration() uint64 { return Duration(s.Start, s.End) }

// Duration is end - start in nanoseconds, 0 when the span ends before it starts.
func Duration(start, end uint64) uint64 {
	if end < start {
		return 0
	}
	return end - start
}

// Attribute finds the value of a key as every filter does: the span's own attribute, else its resource's, else its scope's.
func (s *Span) Attribute(key string) (Value, bool) {
	if v, ok := Lookup(s.Attributes, key); ok {
		return v, true
	}
	if s.Resource != nil {
		if v, ok := Lookup(s.Resource.Attributes, key); ok {
			return v, true
		}
	}
	if s.Scope != nil {
		return Lookup(s.Scope.Attributes, key)
	}
	return Value{}, false
}

// Identity names a span within a tenant. A span that arrives again with the same identity is another version of it.
type Identity struct {
	TraceID TraceID
	SpanID  SpanID
	Kind    SpanKind
}

// Identity is the span's identity.
func (s *Span) Identity() Identity { return Identity{s.TraceID, s.SpanID, s.Kind} }

// Version orders the versions of one identity: the later end wins, then the later sequence. So a late retry of an older
// version changes nothing.
type Version struct {
	End      uint64
	Sequence uint64
}

// Version is the span's version.
func (s *Span) Version() Version { return Version{s.End, s.Sequence} }

// Compare is negative when v is older than o, 0 when they are the same version, positive when v is newer.
func (v Version) Compare(o Version) int {
	switch {
	case v.End != o.End:
		return cmp(v.End, o.End)
	default:
		return cmp(v.Sequence, o.Sequence)
	}
}

func cmp(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// SpanKind is OTLP's Span.SpanKind. Values that OTLP does not define are kept.
type SpanKind int32

// The kinds of OTLP.
const (
	SpanKindUnspecified SpanKind = iota
	SpanKindInternal
	SpanKindServer
	SpanKindClient
	SpanKindProducer
	SpanKindConsumer
)

// StatusCode is OTLP's Status.StatusCode. Values that OTLP does not define are kept.
type StatusCode int32

// The status codes of OTLP.
const (
	StatusUnset StatusCode = iota
	StatusOK
	StatusError
)
