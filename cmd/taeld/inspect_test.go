package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/daemon"
	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// inspected prints a path, and fails the test when that does not work.
func inspected(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(t, append([]string{"inspect"}, args...)...)
	if err != nil {
		t.Fatalf("inspect %v: %v\n%s", args, err, out)
	}
	return out
}

// damaged prints a path that is damaged, and wants all the words in what is said.
func damaged(t *testing.T, path string, words ...string) {
	t.Helper()
	out, err := command(t, "inspect", path, "--check")
	if err == nil {
		t.Errorf("inspect %s: no error\n%s", path, out)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("inspect %s: %q is not in %v", path, w, err)
		}
	}
}

// tear turns over a stretch that is longer than any page header, so that it reaches into bytes under a checksum wherever it begins.
func tear(b []byte) []byte {
	for i := len(b) / 3; i < len(b)/3+2048; i++ {
		b[i] ^= 0xff
	}
	return b
}

func contains(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(out) {
			t.Errorf("%s does not match\n%.2000s", p, out)
		}
	}
}

// all lists the files below a directory that match a pattern.
func all(t *testing.T, dir, pattern string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok && err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return paths
}

// change writes a copy of a file with changed bytes.
func change(t *testing.T, from, to string, how func([]byte) []byte) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, how(b), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestInspectADataDirectoryInUse(t *testing.T) {
	d := daemon.Start(t, daemon.Options{Binary: taeld})
	load := func(args ...string) {
		t.Helper()
		if out, err := command(t, append([]string{"loadgen", "--endpoint", d.OTLP, "--spans=3000"}, args...)...); err != nil {
			t.Fatal(out, err)
		}
	}
	load()
	hotDir := filepath.Join(d.DataDir, "hot")
	for _, path := range []string{d.DataDir, hotDir, all(t, hotDir, "datadir")[0]} {
		contains(t, inspected(t, path, "--check"), `hot tier .*newest segment 1, 1 segments there`, `segment 1, .*: 3000 spans in \d+ entries`, `tenant default: 3000 spans`, `starts from 20`)
	}
	segment := filepath.Dir(all(t, hotDir, "*.mem")[0])
	for _, path := range []string{segment, all(t, segment, "*.mem")[0], all(t, segment, "synced")[0]} {
		out := inspected(t, path, "--rows=2")
		contains(t, out, `log .*: \d+ records in \d+ of \d+ bytes`)
		rows(t, out, 2)
	}
	contains(t, inspected(t, all(t, hotDir, "counter")[0]), "the number 1")

	if _, err := command(t, "flush", "--url", d.REST); err != nil {
		t.Fatal(err)
	}
	load() // the same spans, a moment later, so all of them supersede
	if out, err := command(t, "flush", "--url", d.REST); err != nil || !strings.Contains(out, "3000 rows superseded") {
		t.Fatal(out, err)
	}
	coldDir := filepath.Join(d.DataDir, "cold")
	metadata := filepath.Join(coldDir, "tael", "spans", "metadata")
	for _, path := range []string{d.DataDir, coldDir, filepath.Join(coldDir, "tael"), filepath.Join(coldDir, "tael", "spans"), metadata, filepath.Join(metadata, "v3.metadata.json"), "--check", ""} {
		args := []string{path}
		if path == "" {
			continue
		}
		if path == "--check" {
			args = []string{coldDir, "--check"}
		}
		contains(t, inspected(t, args...), `table .*: Iceberg format 2, metadata version 3, 2 snapshots`, `current snapshot \d+ of 20`, `is flushed up to segment 2`,
			`file tael/spans/data/default/.*: \d+ rows, [1-9]\d* superseded, \d+ bytes`, `file tael/spans/data/default/.*: \d+ rows, 0 superseded`, `position deletes .*deletes.parquet: \d+ rows`)
	}
	contains(t, inspected(t, filepath.Join(metadata, "v1.metadata.json")), "metadata version 1, 0 snapshots", "nothing was ever committed")
	contains(t, inspected(t, filepath.Join(metadata, "version-hint.text")), "the number 3")
	for _, path := range all(t, metadata, "*.avro") {
		contains(t, inspected(t, path), `manifest`, `"(manifest_path|data_file)"`)
	}
	data := filepath.Join(coldDir, "tael", "spans", "data")
	spanFile := ""
	for _, path := range all(t, data, "*.parquet") {
		if strings.HasSuffix(path, ".deletes.parquet") {
			contains(t, inspected(t, path), `position deletes .*: \d+ rows of 1 data files are superseded`)
			continue
		}
		spanFile = path
		out := inspected(t, path, "--rows=3", "--check")
		contains(t, out, `span file .*: \d+ spans`, `row group 0: rows 0 to \d+`, `column 2 trace_id: \d+ bytes in \d+ pages`, `starts from 20`)
		rows(t, out, 3)
	}
	rows(t, inspected(t, coldDir, "--rows=5"), 5)

	t.Run("moved", func(t *testing.T) {
		away := t.TempDir()
		out := inspected(t, change(t, filepath.Join(metadata, "v3.metadata.json"), filepath.Join(away, "some.json"), same))
		contains(t, out, "current snapshot", "is flushed up to segment 2")
		damaged(t, change(t, filepath.Join(metadata, "v3.metadata.json"), filepath.Join(away, "v3.metadata.json"), half), "table metadata", "damaged")
		damaged(t, change(t, all(t, metadata, "*.avro")[0], filepath.Join(away, "m.avro"), half), "avro file", "damaged")
		damaged(t, change(t, spanFile, filepath.Join(away, "half.parquet"), half), "half.parquet", "damaged")
		damaged(t, change(t, spanFile, filepath.Join(away, "torn.parquet"), tear), "torn.parquet", "damaged")
		damaged(t, change(t, spanFile, filepath.Join(away, "head.parquet"), func(b []byte) []byte { return b[100:] }), "head.parquet", "damaged")
		damaged(t, change(t, spanFile, filepath.Join(away, "nothing.parquet"), func([]byte) []byte { return nil }), "nothing.parquet", "damaged")
	})
	if _, err := command(t, "flush", "--url", d.REST); err != nil {
		t.Fatalf("the taeld that was looked at does not work any more: %v", err)
	}
	if err := d.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(spanFile); err != nil {
		t.Fatal(err)
	}
	damaged(t, coldDir, filepath.Base(spanFile), "missing")
	for _, path := range all(t, metadata, "*.avro") {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	damaged(t, d.DataDir, "manifest")
}

func same(b []byte) []byte { return b }
func half(b []byte) []byte { return b[:len(b)/2] }

// rows counts the spans in the output.
func rows(t *testing.T, out string, want int) {
	t.Helper()
	n := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "{") {
			var span struct {
				TraceID string `json:"trace_id"`
			}
			if err := json.Unmarshal([]byte(line), &span); err != nil || len(span.TraceID) != 32 {
				t.Errorf("%v: %s", err, line)
			}
			n++
		}
	}
	if n != want {
		t.Errorf("%d spans are printed, want %d", n, want)
	}
}

func TestInspectABlock(t *testing.T) {
	spans := storetest.RandomSpans(storetest.NewRand(1), 30)
	id := spans[0].TraceID
	var of []tael.Span
	f := &fragment.Fragment{TraceID: id}
	for _, s := range spans {
		if s.TraceID == id {
			of = append(of, s)
		}
	}
	f.Header = fragment.Header{Spans: uint32(len(of)), MinStart: of[0].Start, MaxStart: of[0].Start}
	f.Body, _ = fragment.AppendBody(nil, of)
	path := filepath.Join(t.TempDir(), "block")
	var w fragment.BlockWriter
	w.Add([]*fragment.Fragment{f})
	if err := os.WriteFile(path, w.AppendBlock(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	out := inspected(t, path, "--rows=100")
	contains(t, out, `block .*: 1 entries`)
	contains(t, out, `trace `+id.String()+`: \d+ spans`)
	rows(t, out, len(of))
	damaged(t, change(t, path, path+".torn", half), "block", "damaged")
}

func TestInspectWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("some words"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, text, filepath.Join(dir, "nothing"), change(t, text, filepath.Join(dir, "empty"), func([]byte) []byte { return nil })} {
		if out, err := command(t, "inspect", path); err == nil {
			t.Errorf("%s: %s", path, out)
		}
	}
	if _, err := command(t, "inspect", filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestInspectATableOnS3(t *testing.T) {
	s := s3server.Start(t, s3server.Versitygw)
	t.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	url := s.URL("inspect")
	where := []string{"--s3-endpoint", s.Endpoint, "--s3-region", "us-east-1", "--s3-path-style"}
	d := daemon.Start(t, daemon.Options{Binary: taeld, Args: append([]string{"--cold-url", url}, where...)})
	if out, err := command(t, "loadgen", "--endpoint", d.OTLP, "--spans=500"); err != nil {
		t.Fatal(out, err)
	}
	if _, err := command(t, "flush", "--url", d.REST); err != nil {
		t.Fatal(err)
	}
	out := inspected(t, append([]string{url, "--check", "--rows=500"}, where...)...)
	// The load is of the last minutes: after midnight it is of two days, which are a file each.
	contains(t, out, `table .* at s3://.*/tael/spans: Iceberg format 2`, `total-records: 500`, `file tael/spans/data/default/.*: [1-9]\d* rows, 0 superseded`)
	rows(t, out, 500)
}
