package hot

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/fragment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loadEnd is the moment at which the generated load ends, and the clock of its cutter.
var loadEnd = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// requests are the bodies of a generated load.
func requests(t testing.TB, spans, perRequest int) [][]byte {
	t.Helper()
	o := gen.DefaultOptions(loadEnd)
	o.Spans, o.SpansPerRequest = spans, perRequest
	o.Start = loadEnd.Add(-time.Minute)
	g, err := gen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for r := range g.Requests() {
		list = append(list, r.Body)
	}
	return list
}

// cut makes a batch that the caller keeps.
func cut(t testing.TB, tenant string, body []byte) *fragment.Batch {
	t.Helper()
	b, rejected, err := fragment.NewCutter(fragment.DefaultLimits()).Cut(tenant, body, loadEnd)
	if err != nil || rejected.Spans > 0 {
		t.Fatalf("cut: %v, %s", err, rejected.Message())
	}
	return b
}

// cutAll cuts a load for one tenant.
func cutAll(t testing.TB, tenant string, bodies [][]byte) []*fragment.Batch {
	t.Helper()
	list := make([]*fragment.Batch, len(bodies))
	for i, body := range bodies {
		list[i] = cut(t, tenant, body)
	}
	return list
}

// logBuffer collects log lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testOptions are small and quick, without a reserve.
func testOptions(dir string) Options {
	o := DefaultOptions(dir)
	o.SegmentBytes = minSegmentBytes
	o.MaxHotBytes = 64 << 20
	o.MinFreeDisk = 0
	o.MaxWait = 0
	o.ProbeInterval = 5 * time.Millisecond
	o.SegmentAge = 0
	return o
}

// open opens a store that the test closes.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Logger == nil {
		var log logBuffer
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("log:\n%s", log.String())
			}
		})
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func appendAll(t testing.TB, s *Store, batches []*fragment.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := s.Append(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// model is the naive store that answers are compared with: every span of every batch.
type model struct {
	mu    sync.Mutex
	spans map[string][]tael.Span // by tenant
}

func newModel() *model { return &model{spans: map[string][]tael.Span{}} }

func (m *model) add(t testing.TB, batches ...*fragment.Batch) {
	t.Helper()
	for _, b := range batches {
		resources := map[fragment.ResourceID][]byte{}
		for _, r := range b.Resources {
			resources[r.ID] = bytes.Clone(r.Bytes)
		}
		d := fragment.NewDecoder()
		for i := range b.Fragments {
			err := d.Rows(b.Fragments[i].Body, func(id fragment.ResourceID) ([]byte, error) {
				r, ok := resources[id]
				if !ok {
					return nil, fmt.Errorf("resource %x is not in the batch", id)
				}
				return r, nil
			}, func(r *fragment.Row) error {
				m.mu.Lock()
				m.spans[b.Tenant] = append(m.spans[b.Tenant], r.Span())
				m.mu.Unlock()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// traces groups a tenant's spans.
func (m *model) traces(tenant string) map[tael.TraceID][]tael.Span {
	by := map[tael.TraceID][]tael.Span{}
	for _, s := range m.spans[tenant] {
		by[s.TraceID] = append(by[s.TraceID], s)
	}
	return by
}

// inOrder puts spans in an order and drops their sequence, which the model does not know.
func inOrder(spans []tael.Span) []tael.Span {
	list := slices.Clone(spans)
	for i := range list {
		list[i].Sequence = 0
	}
	slices.SortStableFunc(list, func(a, b tael.Span) int {
		return cmp.Or(bytes.Compare(a.TraceID[:], b.TraceID[:]), bytes.Compare(a.SpanID[:], b.SpanID[:]), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.End, b.End), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// same fails the test when two sets of spans differ.
func same(t testing.TB, what string, got, want []tael.Span) {
	t.Helper()
	g, w := inOrder(got), inOrder(want)
	for i := range min(len(g), len(w)) {
		if !reflect.DeepEqual(g[i], w[i]) {
			t.Fatalf("%s: span %d of %d and %d:\n got %+v\nwant %+v", what, i, len(g), len(w), g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Fatalf("%s: %d spans, want %d", what, len(g), len(w))
	}
}

// checkAll reads every trace of the model out of a new snapshot.
func checkAll(t testing.TB, s *Store, m *model) {
	t.Helper()
	snap := s.Snapshot()
	defer snap.Release()
	for tenant := range m.spans {
		n := 0
		for id, want := range m.traces(tenant) {
			got, err := snap.Trace(context.Background(), tenant, id, tael.TraceOptions{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "trace "+id.String(), got, want)
			n += len(got)
		}
		var st tael.Stats
		if err := snap.Stats(context.Background(), tenant, &st); err != nil {
			t.Fatal(err)
		}
		if st.HotSpans != int64(n) {
			t.Fatalf("stats count %d spans of %s, there are %d", st.HotSpans, tenant, n)
		}
	}
}

// copyDir copies a directory as it is: what a kill of the process would leave.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// copyTree copies a directory and leaves holes where there are zeroes, of which the logs have many.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	defer func() { err = errors.Join(err, in.Close(), out.Close()) }()
	block, zeroes := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := io.ReadFull(in, block)
		if n > 0 && !bytes.Equal(block[:n], zeroes[:n]) {
			if _, err := out.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return out.Truncate(at)
		}
		if err != nil {
			return err
		}
	}
}

// segmentDirs lists the directories of segments.
func segmentDirs(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, segmentsDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 seconds", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// blockCounter puts a directory in the place of the counter's temporary file, or takes it away.
func blockCounter(t testing.TB, dir string, block bool) {
	t.Helper()
	path := filepath.Join(dir, counterFile+tempSuffix)
	err := os.Remove(path)
	if block {
		err = os.Mkdir(path, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}
