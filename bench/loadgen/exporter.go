package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// exporter sends one payload once. It is safe for use by many goroutines.
type exporter interface {
	export(ctx context.Context, p Payload) (answer, error)
	close() error
}

// answer is what a server said that took the request.
type answer struct {
	rejected int64  // spans that it did not keep
	reason   string // why
}

// refusal is a server's answer that it did not take the request.
type refusal struct {
	code  string // of the protocol, for counting
	text  string
	retry bool
	after time.Duration // what the server asked to wait; 0 if it did not say
}

func (r *refusal) Error() string {
	if r.text == "" {
		return r.code
	}
	return fmt.Sprintf("%s: %s", r.code, r.text)
}

// errLost is the class of failures where no answer came, so that nobody knows whether the request was
// taken. OTLP clients send again.
var errLost = errors.New("no answer")

// decodeAnswer reads an ExportTraceServiceResponse.
func decodeAnswer(body []byte) (answer, error) {
	var m coltrace.ExportTraceServiceResponse
	if err := proto.Unmarshal(body, &m); err != nil {
		return answer{}, fmt.Errorf("decode the answer to an export: %w", err)
	}
	return answer{rejected: m.GetPartialSuccess().GetRejectedSpans(), reason: m.GetPartialSuccess().GetErrorMessage()}, nil
}
