package otlp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// spanWith is a good span with an attribute of so many bytes.
func spanWith(n uint64, bytes int) tael.Span {
	s := tael.Span{Name: "large", Start: uint64(storetest.Base.UnixNano()), Resource: &tael.Resource{}, Scope: &tael.Scope{}}
	s.End = s.Start + n
	s.TraceID[15], s.SpanID[7] = 1, byte(n+1)
	s.Attributes = []tael.KeyValue{{Key: "text", Value: tael.String(strings.Repeat("x", bytes))}}
	return s
}

func TestWhatCannotBeKeptIsCountedAndTheRestIsStored(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := newRig(t, func(o *Options) { o.Limits.SpanBytes, o.Register = 2<<20, registry })
	good := []tael.Span{spanWith(1, 100), spanWith(2, 100)}
	noTrace, noSpan, old, ahead, large, attributes := spanWith(3, 1), spanWith(4, 1), spanWith(5, 1), spanWith(6, 1), spanWith(7, 3<<20), spanWith(8, 1)
	noTrace.TraceID, noSpan.SpanID = tael.TraceID{}, tael.SpanID{}
	old.Start -= uint64(2 * 365 * 24 * time.Hour)
	ahead.Start += uint64(48 * time.Hour)
	for i := range 100_000 {
		attributes.Attributes = append(attributes.Attributes, tael.KeyValue{Key: fmt.Sprint("k", i), Value: tael.Int(int64(i))})
	}
	body := protobufOf([]tael.Span{noTrace, good[0], noSpan, old, ahead, large, attributes, good[1]})
	for _, kind := range []string{typeProtobuf, typeJSON} {
		sent := body
		if kind == typeJSON {
			sent = jsonOf(t, body)
		}
		w := r.post(kind, "", writeToken, "", bytes.NewReader(sent))
		var answer collector.ExportTraceServiceResponse
		decode(t, w.Header(), w.Body.Bytes(), &answer)
		if w.Code != http.StatusOK || answer.GetPartialSuccess().GetRejectedSpans() != 6 {
			t.Fatalf("%s: %d %v", kind, w.Code, &answer)
		}
		for _, want := range []string{"trace id", "span id", "before now", "after now", "the limit is 2097152", "the limit is 1024"} {
			if !strings.Contains(answer.PartialSuccess.ErrorMessage, want) {
				t.Errorf("%s: %q is not in %q", kind, want, answer.PartialSuccess.ErrorMessage)
			}
		}
		if d := storetest.DiffSpans(r.store.take(tael.DefaultTenant), inOrder(good)); d != "" {
			t.Fatalf("%s: %s", kind, d)
		}
	}
	for metric, want := range map[string]float64{"tael_ingest_spans_total": 4, "tael_ingest_rejected_spans_total": 12} {
		if got := counter(t, registry, metric); got != want {
			t.Errorf("%s is %v, want %v", metric, got, want)
		}
	}
}

// counter is the sum over the labels of a counter.
func counter(t *testing.T, g prometheus.Gatherer, name string) (sum float64) {
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.Metric {
				sum += m.Counter.GetValue()
			}
		}
	}
	return sum
}

func TestBodiesUpToTheLimitAreTaken(t *testing.T) {
	r := newRig(t, func(o *Options) {
		d := DefaultOptions()
		o.MaxBodyBytes, o.MaxInflightBytes = d.MaxBodyBytes, d.MaxInflightBytes
	})
	var spans []tael.Span
	for i := range uint64(8) {
		spans = append(spans, spanWith(i, 8<<20-1000))
	}
	body := protobufOf(spans)
	// What is unknown is carried along, so a field that OTLP does not have makes the body as long as it may be.
	const field = 6 // tag of two bytes, length of four
	pad := int(r.o.MaxBodyBytes) - len(body) - field
	body = append(body, 0x82, 0x7d, byte(pad)|0x80, byte(pad>>7)|0x80, byte(pad>>14)|0x80, byte(pad>>21))
	body = append(body, make([]byte, pad)...)
	if int64(len(body)) != r.o.MaxBodyBytes || pad >= 1<<28 {
		t.Fatalf("the test made a body of %d bytes", len(body))
	}
	for _, encoding := range []string{"", "gzip", "zstd"} {
		if w := r.post(typeProtobuf, encoding, writeToken, "", bytes.NewReader(encoded(t, encoding, body))); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", encoding, w.Code, w.Body)
		}
		if d := storetest.DiffSpans(r.store.take(tael.DefaultTenant), inOrder(spans)); d != "" {
			t.Fatal(d[:min(len(d), 200)])
		}
	}
	if w := r.post(typeProtobuf, "", writeToken, "", bytes.NewReader(append(body, 0))); w.Code != http.StatusRequestEntityTooLarge {
		t.Fatalf("one byte more: %d", w.Code)
	}
}

func TestBytesInFlightAreLimited(t *testing.T) {
	for _, kind := range []string{typeProtobuf, typeJSON} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.MaxInflightBytes = 1<<20, 1<<20+1 })
			entered, leave := r.store.block()
			body := protobufOf([]tael.Span{spanWith(1, 600<<10)})
			if kind == typeJSON {
				body = jsonOf(t, body)
			}
			first := make(chan int)
			go func() { first <- r.post(kind, "", writeToken, "", bytes.NewReader(body)).Code }()
			<-entered
			for _, encoding := range []string{"", "gzip", "zstd"} {
				w := r.post(kind, encoding, writeToken, "", bytes.NewReader(encoded(t, encoding, body)))
				if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
					t.Fatalf("second request: %d", w.Code)
				}
			}
			close(leave)
			if code := <-first; code != http.StatusOK {
				t.Fatalf("first request: %d", code)
			}
			if w := r.post(kind, "", writeToken, "", bytes.NewReader(body)); w.Code != http.StatusOK {
				t.Fatalf("after the first: %d", w.Code)
			}
		})
	}
}

// What is cut from a body is in flight too: of three bodies that the limit has room for, it has none for what is cut from the third.
func TestWhatIsCutIsInFlight(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.MaxInflightBytes = 1<<20, 4<<20 })
	entered, leave := r.store.block()
	send := func() int {
		return r.post(typeProtobuf, "", writeToken, "", bytes.NewReader(protobufOf([]tael.Span{spanWith(1, 600<<10)}))).Code
	}
	codes := make(chan int)
	for range 2 {
		go func() { codes <- send() }()
		<-entered
	}
	if code := send(); code != http.StatusTooManyRequests {
		t.Errorf("a third request: %d", code)
	}
	close(leave)
	for range 2 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("a request that there was room for: %d", code)
		}
	}
}

// A large body comes beside others: what is cut from it is not asked for when it holds half of the limit alone.
func TestALargeBodyComesBesideOthers(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.MaxInflightBytes = 2<<20, 4<<20 })
	entered, leave := r.store.block()
	codes := make(chan int)
	for i, bytes := range []int{100 << 10, 1900 << 10} {
		body := protobufOf([]tael.Span{spanWith(uint64(i)+1, bytes)})
		go func() { codes <- r.post(typeProtobuf, "", writeToken, "", strings.NewReader(string(body))).Code }()
		select {
		case <-entered:
		case code := <-codes:
			t.Fatalf("a body of %d bytes: %d", bytes, code)
		}
	}
	close(leave)
	for range 2 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("%d", code)
		}
	}
}

func TestAGzipBodyThatNeedsMoreThanThereIsTakesAll(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.MaxInflightBytes = 1<<20, 1<<20+1 })
	noise := make([]byte, 700<<10)
	rand.NewChaCha8([32]byte{1}).Read(noise) //nolint:errcheck // never fails
	span := spanWith(1, 0)
	span.Attributes = []tael.KeyValue{{Key: "noise", Value: tael.Bytes(noise)}}
	body := protobufOf([]tael.Span{span})
	w := r.post(typeProtobuf, "gzip", writeToken, "", bytes.NewReader(gzipped(t, body)))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if d := storetest.DiffSpans(r.store.take(tael.DefaultTenant), []tael.Span{span}); d != "" {
		t.Fatal(d[:min(len(d), 200)])
	}
}

func TestTheSizeThatAGzipBodySaysIsNotBelieved(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.MaxInflightBytes = 1<<20, 1<<20+1 })
	good := protobufOf(randomSpans(1, 20))
	for _, c := range []struct {
		name string
		body []byte
		size uint32
		want int
	}{
		{"a bomb that says to be nothing", make([]byte, 1<<20+1), 0, http.StatusRequestEntityTooLarge},
		{"more than there is", good, math.MaxUint32, http.StatusBadRequest},
		{"less than there is", good, 1, http.StatusBadRequest},
	} {
		packed := gzipped(t, c.body)
		binary.LittleEndian.PutUint32(packed[len(packed)-4:], c.size)
		if w := r.post(typeProtobuf, "gzip", writeToken, "", bytes.NewReader(packed)); w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.want)
		}
		waitFree(t, r.Receiver)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if err := DefaultOptions().Validate(); err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.MaxBodyBytes, o.MaxInflightBytes, o.ReadTimeout, o.RetryAfter, o.Now = 10, 10, 0, -1, nil
	o.Limits.SpanBytes = 0
	_, err := New(&memoryStore{}, testTokens(t), o)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"in-flight limit", "read timeout", "retry hint", "a clock", "span bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}
