package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
)

// fromJSON turns an OTLP/JSON request into its protobuf encoding. OTLP/JSON is protobuf's JSON with two differences: ids are
// hexadecimal instead of base64, and unknown names are ignored
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). So the ids are rewritten, and the library does the rest.
func fromJSON(body []byte) ([]byte, error) {
	rewritten, err := rewriteIDs(make([]byte, 0, len(body)), body)
	if err != nil {
		return nil, fmt.Errorf("json body: %w", err)
	}
	var request collector.ExportTraceServiceRequest
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(rewritten, &request); err != nil {
		return nil, fmt.Errorf("json body: %w: %w", tael.ErrInvalid, err)
	}
	return proto.Marshal(&request)
}

// rewriteIDs appends the body with base64 in the place of hexadecimal ids. It looks at strings only, and leaves it to the library to find
// what is wrong with the rest. Attribute keys are values in OTLP/JSON, never names, so a name is enough to know an id.
func rewriteIDs(dst, body []byte) ([]byte, error) {
	copied := 0
	for i := 0; i < len(body); {
		if body[i] != '"' {
			i++
			continue
		}
		name := body[i:stringEnd(body, i)]
		i += len(name)
		colon := skipSpace(body, i)
		if colon == len(body) || body[colon] != ':' {
			continue // a value
		}
		i = colon + 1
		from := skipSpace(body, i)
		if from == len(body) || body[from] != '"' || !namesID(text(name)) {
			continue
		}
		i = stringEnd(body, from)
		digits := text(body[from:i])
		id, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%s %.40q: %w: want hexadecimal digits", text(name), digits, tael.ErrInvalid)
		}
		dst = append(append(dst, body[copied:from]...), '"')
		dst = append(base64.StdEncoding.AppendEncode(dst, id), '"')
		copied = i
	}
	return append(dst, body[copied:]...), nil
}

func namesID(name string) bool {
	switch name {
	case "traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id":
		return true
	}
	return false
}

// stringEnd is where the string that starts at i ends: after its closing quote, or at the end of a torn body.
func stringEnd(body []byte, i int) int {
	for i++; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(body)
}

func skipSpace(body []byte, i int) int {
	for i < len(body) && (body[i] == ' ' || body[i] == '\t' || body[i] == '\n' || body[i] == '\r') {
		i++
	}
	return i
}

// text is what a quoted string says; "" when it cannot be read, which the library then says.
func text(quoted []byte) string {
	for _, c := range quoted {
		if c == '\\' {
			var s string
			if json.Unmarshal(quoted, &s) != nil {
				return ""
			}
			return s
		}
	}
	if len(quoted) < 2 {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}
