//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/engine/cold/spanfile"
	"github.com/taeldb/tael/internal/testkit/daemon"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

const tableSpans = 4000

// table is where the cold tier of a taeld lies, for another reader.
type table struct {
	folder     string            // the cold tier as a folder on this machine
	location   string            // the same as the reader is told
	properties map[string]string // of the reader's file system
}

func TestPyIcebergOnFolder(t *testing.T) {
	data := t.TempDir()
	d := daemon.Start(t, daemon.Options{Binary: taeld, DataDir: data})
	cold := filepath.Join(data, "cold")
	readByPyIceberg(t, d, table{folder: cold, location: "file://" + cold, properties: map[string]string{}})
}

func TestPyIcebergOnS3(t *testing.T) {
	s := s3server.Start(t, s3server.Versitygw)
	d := daemon.Start(t, daemon.Options{
		Binary: taeld,
		Args:   []string{"--cold-url", s.URL("prod"), "--s3-endpoint", s.Endpoint, "--s3-region", "us-east-1", "--s3-path-style"},
		Env:    []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey},
	})
	readByPyIceberg(t, d, table{
		folder: filepath.Join(s.Dir, s.Bucket, "prod"), location: s.URL("prod"),
		properties: map[string]string{"s3.endpoint": s.Endpoint, "s3.region": "us-east-1", "s3.access-key-id": s.AccessKey, "s3.secret-access-key": s.SecretKey},
	})
}

// readByPyIceberg stores spans in two flushes, the second of which replaces some of the first, and compares every column of every row
// that PyIceberg reads with what was sent.
func readByPyIceberg(t *testing.T, d *daemon.Daemon, at table) {
	want := map[string]wire{}
	export := func(batches []*trace.ResourceSpans) {
		body, err := proto.Marshal(&coltrace.ExportTraceServiceRequest{ResourceSpans: batches})
		if err != nil {
			t.Fatal(err)
		}
		request(t, http.MethodPost, d.OTLP+"/v1/traces", "application/x-protobuf", body)
		for _, w := range spans(batches) {
			want[w.identity()] = w
		}
	}
	batches := load(t)
	for _, b := range batches {
		export(b)
	}
	flush(t, d)
	for _, b := range batches[:2] {
		export(changed(b))
	}
	flush(t, d)

	for filter, holds := range map[string]func(wire) bool{
		"":                                       func(wire) bool { return true },
		"service == 'planner'":                   func(w wire) bool { return stringAttribute(w.resource.GetAttributes(), "service.name") == "planner" },
		"status_code == 2 and duration_nano > 1": func(w wire) bool { return w.span.GetStatus().GetCode() == 2 },
		"name == 'nobody calls a span so'":       func(wire) bool { return false },
	} {
		rows := at.read(t, filter)
		expected := map[string]wire{}
		for id, w := range want {
			if holds(w) {
				expected[id] = w
			}
		}
		if len(rows) != len(expected) {
			t.Errorf("filter %q: PyIceberg reads %d rows, want %d", filter, len(rows), len(expected))
		}
		seen := map[string]bool{}
		for _, row := range rows {
			id := fmt.Sprintf("%s/%s/%v", hexOf(row["trace_id"]), hexOf(row["span_id"]), row["kind"])
			w, ok := expected[id]
			if !ok || seen[id] {
				t.Fatalf("filter %q: row %s is not expected, or is there twice", filter, id)
			}
			seen[id] = true
			compareRow(t, id, row, w)
			if t.Failed() {
				t.Fatal("the first row that differs is enough")
			}
		}
	}
}

// read gives the rows of the newest metadata file.
func (a table) read(t *testing.T, filter string) []map[string]any {
	t.Helper()
	const metadata = "tael/spans/metadata"
	paths, err := filepath.Glob(filepath.Join(a.folder, metadata, "v*.metadata.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no metadata file in %s: %v", a.folder, err)
	}
	newest := 0
	for _, p := range paths {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(p), "v"), ".metadata.json")
		if n, err := strconv.Atoi(name); err == nil {
			newest = max(newest, n)
		}
	}
	properties, err := json.Marshal(a.properties)
	if err != nil {
		t.Fatal(err)
	}
	out := python(t, "TAEL_PYICEBERG", "read_table.py", fmt.Sprintf("%s/%s/v%d.metadata.json", a.location, metadata, newest), string(properties), filter)
	var rows []map[string]any
	lines := json.NewDecoder(bytes.NewReader(out))
	lines.UseNumber()
	for lines.More() {
		var row map[string]any
		if err := lines.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if len(row) != len(spanfile.Schema()) {
			t.Fatalf("a row has %d columns, want %d", len(row), len(spanfile.Schema()))
		}
		rows = append(rows, row)
	}
	return rows
}

// load is a generated load, as batches to export.
func load(t *testing.T) [][]*trace.ResourceSpans {
	t.Helper()
	o := gen.DefaultOptions(time.Now())
	o.Spans = tableSpans
	g, err := gen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]*trace.ResourceSpans
	for r := range g.Requests() {
		var m coltrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(r.Body, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m.GetResourceSpans())
	}
	return out
}

// changed makes a newer version of every second span.
func changed(batches []*trace.ResourceSpans) []*trace.ResourceSpans {
	var out []*trace.ResourceSpans
	for _, b := range batches {
		b = proto.CloneOf(b)
		for _, sc := range b.GetScopeSpans() {
			var kept []*trace.Span
			for i, s := range sc.GetSpans() {
				if i%2 == 0 {
					s.EndTimeUnixNano += uint64(time.Second)
					s.Name += " again"
					kept = append(kept, s)
				}
			}
			sc.Spans = kept
		}
		out = append(out, b)
	}
	return out
}
