package otlp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

const (
	writeToken = "write-0123456789abcdef"
	readToken  = "read-0123456789abcdef"
	acmeToken  = "acme-0123456789abcdef"
)

func testTokens(t testing.TB) *access.Tokens {
	tokens, err := access.ReadTokens(strings.NewReader(writeToken + " role=write\n" + readToken + " role=read\n" + acmeToken + " tenant=acme\n"))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// memoryStore keeps what it is given, by tenant, as spans. fail, if not nil, decides what an append says instead.
type memoryStore struct {
	mu    sync.Mutex
	spans map[string][]tael.Span
	calls int
	fail  func(ctx context.Context) error
}

func (s *memoryStore) Append(ctx context.Context, b *fragment.Batch) error {
	s.mu.Lock()
	s.calls++
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(ctx); err != nil {
			return err
		}
	}
	resources := map[fragment.ResourceID][]byte{}
	for _, r := range b.Resources {
		resources[r.ID] = r.Bytes
	}
	d := fragment.NewDecoder()
	var spans []tael.Span
	for _, f := range b.Fragments {
		err := d.Rows(f.Body, func(id fragment.ResourceID) ([]byte, error) { return resources[id], nil }, func(r *fragment.Row) error {
			spans = append(spans, r.Span())
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spans == nil {
		s.spans = map[string][]tael.Span{}
	}
	s.spans[b.Tenant] = append(s.spans[b.Tenant], spans...)
	return nil
}

// block lets appends wait, after they are said to have entered, until leave is closed.
func (s *memoryStore) block() (entered, leave chan struct{}) {
	entered, leave = make(chan struct{}, 2), make(chan struct{})
	s.fail = func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	return entered, leave
}

// take gives what a tenant has, in the order of a list, and forgets it.
func (s *memoryStore) take(tenant string) []tael.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.spans[tenant]
	delete(s.spans, tenant)
	return inOrder(got)
}

func (s *memoryStore) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spans) == 0
}

func inOrder(spans []tael.Span) []tael.Span {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b tael.Span) int { return storetest.Order(tael.SortTime, &a, &b) })
	return spans
}

// rig is a receiver before a memory store. Its clock stands where random spans are.
type rig struct {
	*Receiver
	store *memoryStore
}

func newRig(t testing.TB, change func(*Options)) *rig {
	o := DefaultOptions()
	o.MaxBodyBytes, o.MaxInflightBytes = 8<<20, 32<<20
	o.Now = func() time.Time { return storetest.Base.Add(24 * time.Hour) }
	if change != nil {
		change(&o)
	}
	s := &memoryStore{}
	r, err := New(s, testTokens(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { waitFree(t, r) })
	return &rig{r, s}
}

// waitFree fails the test when bytes of the in-flight limit are not given back.
func waitFree(t testing.TB, r *Receiver) {
	t.Helper()
	waitFor(t, "all bytes in flight to be given back", func() bool {
		if !r.inflight.TryAcquire(r.o.MaxInflightBytes) {
			return false
		}
		r.inflight.Release(r.o.MaxInflightBytes)
		return true
	})
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// post sends a request straight to the handler.
func (r *rig) post(kind, encoding, token, tenant string, body io.Reader) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/v1/traces", body)
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Content-Type", kind)
	set("Content-Encoding", encoding)
	set("X-Scope-OrgID", tenant)
	if token != "" {
		set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// decode reads an answer in the encoding that it says.
func decode(t testing.TB, header http.Header, body []byte, into proto.Message) {
	t.Helper()
	var err error
	switch kind := header.Get("Content-Type"); kind {
	case typeProtobuf:
		err = proto.Unmarshal(body, into)
	case typeJSON:
		err = protojson.Unmarshal(body, into)
	default:
		t.Fatalf("answer is of type %q: %q", kind, body)
	}
	if err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
}

func randomSpans(seed uint64, n int) []tael.Span {
	return storetest.RandomSpans(storetest.NewRand(seed), n)
}

func protobufOf(spans []tael.Span) []byte { return fragment.AppendOTLP(nil, spans) }

var idField = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":( ?)"([^"]*)"`)

// jsonOf is the same request as OTLP/JSON: protobuf's JSON with hexadecimal ids and numbers for enums.
func jsonOf(t testing.TB, body []byte) []byte {
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		t.Fatal(err)
	}
	b, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(&request)
	if err != nil {
		t.Fatal(err)
	}
	return idField.ReplaceAllFunc(b, func(field []byte) []byte {
		parts := idField.FindSubmatch(field)
		id, err := base64.StdEncoding.DecodeString(string(parts[3]))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(`"` + string(parts[1]) + `":"` + hex.EncodeToString(id) + `"`)
	})
}

func gzipped(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t testing.TB, b []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

func encoded(t testing.TB, encoding string, b []byte) []byte {
	switch encoding {
	case "gzip":
		return gzipped(t, b)
	case "zstd":
		return zstded(t, b)
	}
	return b
}
