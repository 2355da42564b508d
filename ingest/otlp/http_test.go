package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestEveryEncodingStoresTheSameSpans(t *testing.T) {
	r := newRig(t, nil)
	for round := range uint64(2) { // the second time, what is pooled is used again
		for _, kind := range []string{typeProtobuf, typeJSON} {
			for _, encoding := range []string{"", "identity", "gzip", "zstd"} {
				t.Run(fmt.Sprintf("%s %s %d", kind, encoding, round), func(t *testing.T) {
					want := randomSpans(7+round, 300)
					body := protobufOf(want)
					if kind == typeJSON {
						body = jsonOf(t, body)
					}
					w := r.post(kind, encoding, writeToken, "t1", bytes.NewReader(encoded(t, encoding, body)))
					var answer collector.ExportTraceServiceResponse
					decode(t, w.Header(), w.Body.Bytes(), &answer)
					if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || answer.PartialSuccess != nil {
						t.Fatalf("answer %d %s: %v", w.Code, w.Header(), &answer)
					}
					if d := storetest.DiffSpans(r.store.take("t1"), inOrder(want)); d != "" {
						t.Fatal(d)
					}
					if !r.store.empty() {
						t.Fatal("another tenant got spans")
					}
				})
			}
		}
	}
}

func TestTenants(t *testing.T) {
	r := newRig(t, nil)
	body := protobufOf(randomSpans(1, 5))
	for _, c := range []struct{ token, named, want string }{
		{writeToken, "", tael.DefaultTenant}, {writeToken, "other", "other"}, {acmeToken, "", "acme"}, {acmeToken, "acme", "acme"},
	} {
		if w := r.post(typeProtobuf, "", c.token, c.named, bytes.NewReader(body)); w.Code != http.StatusOK {
			t.Fatalf("%+v: %d", c, w.Code)
		}
		if got := len(r.store.take(c.want)); got != 5 {
			t.Fatalf("%+v: %d spans", c, got)
		}
	}
}

func TestContentTypeHasParameters(t *testing.T) {
	r := newRig(t, nil)
	for _, kind := range []string{"application/json; charset=utf-8", "Application/X-Protobuf"} {
		body := protobufOf(randomSpans(1, 5))
		if strings.Contains(kind, "json") {
			body = jsonOf(t, body)
		}
		if w := r.post(kind, "", writeToken, "", bytes.NewReader(body)); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", kind, w.Code, w.Body)
		}
	}
}

func TestEmptyRequestsAreAcknowledged(t *testing.T) {
	r := newRig(t, nil)
	for kind, body := range map[string]string{typeProtobuf: "", typeJSON: "{}"} {
		if w := r.post(kind, "", writeToken, "", strings.NewReader(body)); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", kind, w.Code, w.Body)
		}
	}
	if r.store.calls != 0 {
		t.Fatal("the store was asked to append nothing")
	}
}

func TestRefusals(t *testing.T) {
	full := fmt.Errorf("hot tier: %w", tael.ErrOverloaded)
	disk := fmt.Errorf("disk: %w", tael.ErrUnavailable)
	fault := errors.New("nobody thought of this")
	good := protobufOf(randomSpans(3, 50))
	goodJSON := jsonOf(t, good)
	const limit = 8 << 20
	bomb := bytes.Repeat([]byte{0}, limit+1)
	for _, c := range []struct {
		name, kind, encoding, token, tenant string
		body                                []byte
		store                               error
		want                                int
		code                                codes.Code
		retry                               bool
	}{
		{"no token", typeProtobuf, "", "", "", good, nil, 401, codes.Unauthenticated, false},
		{"unknown token", typeProtobuf, "", "nobody-0123456789abcdef", "", good, nil, 401, codes.Unauthenticated, false},
		{"read token", typeProtobuf, "", readToken, "", good, nil, 403, codes.PermissionDenied, false},
		{"another tenant", typeProtobuf, "", acmeToken, "other", good, nil, 403, codes.PermissionDenied, false},
		{"bad tenant", typeProtobuf, "", writeToken, "a/b", good, nil, 400, codes.InvalidArgument, false},
		{"no content type", "", "", writeToken, "", good, nil, 415, codes.Unimplemented, false},
		{"content type", "text/plain", "", writeToken, "", good, nil, 415, codes.Unimplemented, false},
		{"content encoding", typeProtobuf, "br", writeToken, "", good, nil, 415, codes.Unimplemented, false},
		{"content encoding of json", typeJSON, "deflate", writeToken, "", goodJSON, nil, 415, codes.Unimplemented, false},
		{"not gzip", typeProtobuf, "gzip", writeToken, "", good, nil, 400, codes.InvalidArgument, false},
		{"torn gzip", typeProtobuf, "gzip", writeToken, "", gzipped(t, good)[:100], nil, 400, codes.InvalidArgument, false},
		{"not zstd", typeProtobuf, "zstd", writeToken, "", good, nil, 400, codes.InvalidArgument, false},
		{"torn zstd", typeProtobuf, "zstd", writeToken, "", zstded(t, good)[:100], nil, 400, codes.InvalidArgument, false},
		{"torn protobuf", typeProtobuf, "", writeToken, "", good[:len(good)-1], nil, 400, codes.InvalidArgument, false},
		{"torn json", typeJSON, "", writeToken, "", goodJSON[:len(goodJSON)-1], nil, 400, codes.InvalidArgument, false},
		{"torn json in a string", typeJSON, "", writeToken, "", []byte(`{"resourceSpans":[{"schemaUrl":"abc`), nil, 400, codes.InvalidArgument, false},
		{"json that is a list", typeJSON, "", writeToken, "", []byte(`[]`), nil, 400, codes.InvalidArgument, false},
		{"two jsons", typeJSON, "", writeToken, "", []byte(`{} {}`), nil, 400, codes.InvalidArgument, false},
		{"id is not hexadecimal", typeJSON, "", writeToken, "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}`), nil, 400, codes.InvalidArgument, false},
		{"protobuf said to be json", typeJSON, "", writeToken, "", good, nil, 400, codes.InvalidArgument, false},
		{"too large", typeProtobuf, "", writeToken, "", bomb, nil, 413, codes.InvalidArgument, false},
		{"too large json", typeJSON, "", writeToken, "", bytes.Repeat([]byte{' '}, limit+1), nil, 413, codes.InvalidArgument, false},
		{"gzip bomb", typeProtobuf, "gzip", writeToken, "", gzipped(t, bomb), nil, 413, codes.InvalidArgument, false},
		{"zstd bomb", typeJSON, "zstd", writeToken, "", zstded(t, bomb), nil, 413, codes.InvalidArgument, false},
		{"overload", typeProtobuf, "", writeToken, "", good, full, 429, codes.ResourceExhausted, true},
		{"overload json", typeJSON, "gzip", writeToken, "", gzipped(t, goodJSON), full, 429, codes.ResourceExhausted, true},
		{"disk", typeProtobuf, "", writeToken, "", good, disk, 503, codes.Unavailable, true},
		{"closing", typeProtobuf, "", writeToken, "", good, tael.ErrClosed, 503, codes.Unavailable, true},
		{"unknown fault", typeJSON, "", writeToken, "", goodJSON, fault, 503, codes.Unavailable, true},
		{"deadline", typeProtobuf, "", writeToken, "", good, context.DeadlineExceeded, 503, codes.Unavailable, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.RetryAfter = limit, 1500*time.Millisecond })
			r.store.fail = func(context.Context) error { return c.store }
			// As a stream, so that the length is not known before.
			for _, body := range []io.Reader{bytes.NewReader(c.body), io.MultiReader(bytes.NewReader(c.body))} {
				w := r.post(c.kind, c.encoding, c.token, c.tenant, body)
				var said spb.Status
				decode(t, w.Header(), w.Body.Bytes(), &said)
				if w.Code != c.want || said.Code != int32(c.code) || said.Message == "" {
					t.Fatalf("got %d %v; want %d %v", w.Code, &said, c.want, c.code)
				}
				want := c.kind
				if want != typeJSON {
					want = typeProtobuf
				}
				if got := w.Header().Get("Content-Type"); got != want {
					t.Fatalf("answer is of type %q, want %q", got, want)
				}
				if got := w.Header().Get("Retry-After"); c.retry != (got == "2") || !c.retry && got != "" {
					t.Fatalf("Retry-After %q, want one: %t", got, c.retry)
				}
				if (w.Header().Get("WWW-Authenticate") != "") != (c.want == 401) {
					t.Fatalf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
				}
				checkRetryInfo(t, &said, c.retry)
			}
			if !r.store.empty() {
				t.Fatal("something was stored")
			}
			if c.store == nil && r.store.calls > 0 {
				t.Fatal("the store was asked")
			}
			waitFree(t, r.Receiver)
		})
	}
}

func checkRetryInfo(t *testing.T, said *spb.Status, want bool) {
	t.Helper()
	if want != (len(said.Details) == 1) {
		t.Fatalf("details %v, want a retry hint: %t", said.Details, want)
	}
	if want {
		var info errdetails.RetryInfo
		if err := said.Details[0].UnmarshalTo(&info); err != nil || info.RetryDelay.AsDuration() != 1500*time.Millisecond {
			t.Fatalf("retry hint %v, error %v", &info, err)
		}
	}
}

func TestRefusalsNameTheLimitAndWhatToDo(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBodyBytes = 1000 })
	w := r.post(typeJSON, "", writeToken, "", bytes.NewReader(make([]byte, 1001)))
	for _, want := range []string{"1000", "otlp-max-body-bytes", "smaller batches"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is not in %s", want, w.Body)
		}
	}
}
