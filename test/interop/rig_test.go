//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael/internal/testkit/daemon"
)

var taeld string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tael-interop-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if taeld, err = daemon.Build(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// python runs a script of testdata with the interpreter that the variable names, and gives what it printed.
func python(t *testing.T, variable, script string, args ...string) []byte {
	t.Helper()
	interpreter := os.Getenv(variable)
	if interpreter == "" {
		t.Fatalf("%s does not name a Python; run make test-interop", variable)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, append([]string{filepath.Join("testdata", script)}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &complaints, 5*time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, complaints.String())
	}
	return out.Bytes()
}

// wire is a span as OTLP has it, with what it came under.
type wire struct {
	span                  *trace.Span
	resource              *resource.Resource
	scope                 *common.InstrumentationScope
	resourceURL, scopeURL string
}

// identity is what makes two spans versions of one.
func (w wire) identity() string {
	return fmt.Sprintf("%x/%x/%d", w.span.GetTraceId(), w.span.GetSpanId(), w.span.GetKind())
}

// spans lists all spans of OTLP batches.
func spans(batches []*trace.ResourceSpans) []wire {
	var out []wire
	for _, r := range batches {
		for _, sc := range r.GetScopeSpans() {
			for _, s := range sc.GetSpans() {
				out = append(out, wire{s, r.GetResource(), sc.GetScope(), r.GetSchemaUrl(), sc.GetSchemaUrl()})
			}
		}
	}
	return out
}

// request sends one HTTP request and gives the body of a 200.
func request(t *testing.T, method, url, contentType string, body []byte) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %s", method, url, resp.Status, out)
	}
	return out
}

func flush(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	request(t, http.MethodPost, d.REST+"/api/v1/admin/flush", "", nil)
}

// otlp asks for a trace in the form in which it came, by span id.
func otlp(t *testing.T, d *daemon.Daemon, traceID string) map[string]wire {
	t.Helper()
	var data trace.TracesData
	if err := proto.Unmarshal(request(t, http.MethodGet, d.REST+"/api/v1/traces/"+traceID+"?format=otlp", "", nil), &data); err != nil {
		t.Fatal(err)
	}
	out := map[string]wire{}
	for _, w := range spans(data.GetResourceSpans()) {
		id := hex.EncodeToString(w.span.GetSpanId())
		if _, ok := out[id]; ok {
			t.Errorf("trace %s has span %s twice", traceID, id)
		}
		out[id] = w
	}
	return out
}
