package otlp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// dial opens a connection to a real server, and sends the head of a request.
func dial(t *testing.T, h http.Handler, length string) net.Conn {
	server := httptest.NewUnstartedServer(h)
	server.Config.WriteTimeout = 100 * time.Millisecond // as a server for queries has one
	server.Start()
	t.Cleanup(server.Close)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST /v1/traces HTTP/1.1\r\nHost: tael\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%s\r\n\r\n", writeToken, typeProtobuf, length); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestAClientThatTricklesIsCutOff(t *testing.T) {
	for _, length := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		t.Run(length, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.ReadTimeout = 100 * time.Millisecond })
			conn := dial(t, r, length)
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
					if _, err := io.WriteString(conn, "1\r\nx\r\n"); err != nil {
						return
					}
				}
			}()
			reader := bufio.NewReader(conn)
			resp, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !resp.Close {
				t.Fatalf("answer %d %v", resp.StatusCode, resp.Header)
			}
			<-gone // the server closes the connection
			if !r.store.empty() {
				t.Fatal("something was stored")
			}
			waitFree(t, r.Receiver)
		})
	}
}

func TestAClientThatTricklesOverHTTP2IsCutOff(t *testing.T) {
	r := newRig(t, func(o *Options) { o.ReadTimeout = 100 * time.Millisecond })
	server := httptest.NewUnstartedServer(r)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	body, never := io.Pipe()
	defer never.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", typeProtobuf)
	req.Header.Set("Authorization", "Bearer "+writeToken)
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("answer %s %d", resp.Proto, resp.StatusCode)
	}
}

func TestAClientThatVanishesLeavesNothing(t *testing.T) {
	r := newRig(t, nil)
	for _, length := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked", "Content-Encoding: gzip\r\nContent-Length: 1000000"} {
		reading := make(chan struct{}, 1)
		conn := dial(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.Body = &watchedBody{ReadCloser: req.Body, read: func() {
				// Memory is paid for before anything is read into it. The head of a gzip body goes to the decompressor, which has its own.
				if r.inflight.TryAcquire(r.o.MaxInflightBytes) {
					defer r.inflight.Release(r.o.MaxInflightBytes)
					if strings.Contains(length, "gzip") {
						return
					}
					t.Errorf("%s: a body is read and holds nothing", length)
				}
			}, then: func() { reading <- struct{}{} }}
			r.ServeHTTP(w, req)
		}), length)
		if _, err := io.WriteString(conn, "5\r\nab"); err != nil {
			t.Fatal(err)
		}
		<-reading
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		waitFree(t, r.Receiver)
	}
	if !r.store.empty() {
		t.Fatal("something was stored")
	}
}

// watchedBody calls read, and then the other, before it is read for the first time.
type watchedBody struct {
	io.ReadCloser
	read, then func()
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.read != nil {
		b.read()
		b.then()
		b.read = nil
	}
	return b.ReadCloser.Read(p)
}

func TestAStoreMayTakeLongerThanTheClientMay(t *testing.T) {
	const readTimeout = 50 * time.Millisecond
	r := newRig(t, func(o *Options) { o.ReadTimeout = readTimeout })
	r.store.fail = func(ctx context.Context) error {
		select {
		case <-time.After(4 * readTimeout):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	body := protobufOf(randomSpans(1, 10))
	conn := dial(t, r, fmt.Sprintf("Content-Length: %d", len(body)))
	if _, err := conn.Write(body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("answer %d", resp.StatusCode)
	}
	if d := storetest.DiffSpans(r.store.take(tael.DefaultTenant), inOrder(randomSpans(1, 10))); d != "" {
		t.Fatal(d)
	}
}
