package otlp

import (
	"bytes"
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
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // 64-bit numbers pass as they are
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("json body: %w: %w", tael.ErrInvalid, err)
	}
	if decoder.More() {
		return nil, fmt.Errorf("json body: %w: something follows the request", tael.ErrInvalid)
	}
	if err := rewriteIDs(tree); err != nil {
		return nil, fmt.Errorf("json body: %w", err)
	}
	rewritten, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("json body: %w: %w", tael.ErrInvalid, err)
	}
	var request collector.ExportTraceServiceRequest
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(rewritten, &request); err != nil {
		return nil, fmt.Errorf("json body: %w: %w", tael.ErrInvalid, err)
	}
	return proto.Marshal(&request)
}

// rewriteIDs rewrites the ids of spans and links. Attribute keys are values in OTLP/JSON, never names, so a name is enough to know an id.
func rewriteIDs(tree any) error {
	switch node := tree.(type) {
	case []any:
		for _, child := range node {
			if err := rewriteIDs(child); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, child := range node {
			switch name {
			case "traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id":
				text, ok := child.(string)
				if !ok {
					continue // protojson names what is wrong
				}
				id, err := hex.DecodeString(text)
				if err != nil {
					return fmt.Errorf("%s %.40q: %w: want hexadecimal digits", name, text, tael.ErrInvalid)
				}
				node[name] = base64.StdEncoding.EncodeToString(id)
			default:
				if err := rewriteIDs(child); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
