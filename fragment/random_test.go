package fragment

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// newRand is a source of the same numbers in every run, and of new ones when long tests are asked for. It logs its seed.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(20260504)
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// messer writes messages that are in the main well-formed and in places strange: singular fields that repeat, wrong wire types, unknown
// fields, groups, padded varints, and now and then what cannot be decoded.
type messer struct {
	*rand.Rand
	now time.Time
	bad int // one field in so many cannot be decoded; 0 is never
}

func (m *messer) oneIn(n int) bool { return n > 0 && m.IntN(n) == 0 }

func (m *messer) request() []byte {
	return m.message(nil, (&collectorpb.ExportTraceServiceRequest{}).ProtoReflect().Descriptor(), 0)
}

// inside is the field that each message is mostly made of.
var inside = map[protoreflect.Name]protoreflect.Name{
	"ExportTraceServiceRequest": "resource_spans", "ResourceSpans": "scope_spans", "ScopeSpans": "spans", "Span": "attributes",
}

func (m *messer) message(b []byte, d protoreflect.MessageDescriptor, depth int) []byte {
	fields := d.Fields()
	if d.Name() == "Span" && !m.oneIn(10) {
		b = m.usualSpan(b)
	}
	n := m.IntN(4)
	if depth < 3 {
		n = 1 + m.IntN(4)
	}
	for range n {
		if m.oneIn(12) {
			b = m.unknown(b, protowire.Number(1+m.IntN(20)), 0)
			continue
		}
		f := fields.Get(m.IntN(fields.Len()))
		if depth > 9 && f.Message() != nil {
			continue
		}
		if name, ok := inside[d.Name()]; ok && m.oneIn(2) {
			f = fields.ByName(name)
		}
		b = m.field(b, f, depth)
	}
	return b
}

// usualSpan writes what makes a span acceptable.
func (m *messer) usualSpan(b []byte) []byte {
	var id [16]byte
	id[0], id[15] = 1, byte(m.IntN(3))
	b = appendBytes(b, tagSpanTraceID, id[:])
	b = appendBytes(b, tagSpanID, id[8:])
	return appendFixed64(b, tagSpanStart, uint64(m.now.Add(-time.Duration(m.IntN(100))*time.Second).UnixNano()))
}

func (m *messer) field(b []byte, f protoreflect.FieldDescriptor, depth int) []byte {
	if m.oneIn(40) {
		return m.unknown(b, f.Number(), 0)
	}
	switch f.Kind() {
	case protoreflect.MessageKind:
		return m.bytes(m.tag(b, f.Number(), protowire.BytesType), m.message(nil, f.Message(), depth+1))
	case protoreflect.StringKind:
		return m.bytes(m.tag(b, f.Number(), protowire.BytesType), m.text())
	case protoreflect.BytesKind:
		raw := make([]byte, []int{0, 8, 16, 7}[m.IntN(4)])
		if m.oneIn(2) && len(raw) > 0 {
			raw[0] = byte(m.IntN(3))
		}
		return m.bytes(m.tag(b, f.Number(), protowire.BytesType), raw)
	case protoreflect.Fixed32Kind:
		return protowire.AppendFixed32(m.tag(b, f.Number(), protowire.Fixed32Type), m.Uint32())
	case protoreflect.Fixed64Kind, protoreflect.DoubleKind:
		n := m.Uint64()
		if f.Kind() == protoreflect.Fixed64Kind && !m.oneIn(8) {
			n = uint64(m.now.UnixNano()) + uint64(m.Int64N(int64(4*time.Hour))) - uint64(2*time.Hour)
		}
		return protowire.AppendFixed64(m.tag(b, f.Number(), protowire.Fixed64Type), n)
	}
	n := uint64(m.IntN(4))
	if m.oneIn(4) {
		n = m.Uint64()
	}
	return m.varint(m.tag(b, f.Number(), protowire.VarintType), n)
}

func (m *messer) text() []byte {
	words := []string{"", "a", "service.name", "gen_ai.system", "openai", "12", "true", "größe", "日本語", strings.Repeat("x", 100), strings.Repeat("y", 200), strings.Repeat("long ", 60)}
	text := words[m.IntN(len(words))]
	if m.oneIn(m.bad) {
		text += "\xff"
	}
	return []byte(text)
}

func (m *messer) tag(b []byte, n protowire.Number, t protowire.Type) []byte {
	return m.varint(b, protowire.EncodeTag(n, t))
}

// varint writes a varint, at times with more bytes than it needs.
func (m *messer) varint(b []byte, n uint64) []byte {
	b = binary.AppendUvarint(b, n)
	if size := uvarintLen(n); size < 9 && m.oneIn(20) {
		b[len(b)-1] |= 0x80
		for range m.IntN(9 - size) {
			b = append(b, 0x80)
		}
		b = append(b, 0)
	}
	return b
}

func (m *messer) bytes(b, content []byte) []byte {
	n := uint64(len(content))
	if m.oneIn(m.bad) {
		n += uint64(m.IntN(3)) - 1
	}
	return append(m.varint(b, n), content...)
}

// unknown writes a field of any wire type.
func (m *messer) unknown(b []byte, n protowire.Number, depth int) []byte {
	switch m.IntN(5) {
	case 0:
		return m.varint(m.tag(b, n, protowire.VarintType), m.Uint64())
	case 1:
		return protowire.AppendFixed32(m.tag(b, n, protowire.Fixed32Type), m.Uint32())
	case 2:
		return protowire.AppendFixed64(m.tag(b, n, protowire.Fixed64Type), m.Uint64())
	case 3:
		if depth > 3 {
			return b
		}
		b = m.tag(b, n, protowire.StartGroupType)
		b = m.unknown(b, 1+protowire.Number(m.IntN(5)), depth+1)
		if m.oneIn(m.bad) {
			n++
		}
		return m.tag(b, n, protowire.EndGroupType)
	}
	n += 20 // a message there would have to be one
	return m.bytes(m.tag(b, n, protowire.BytesType), m.text())
}
