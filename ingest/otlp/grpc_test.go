package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// serve starts a gRPC server of the receiver and gives a connection to it.
func (r *rig) serve(t *testing.T, options ...grpc.DialOption) *grpc.ClientConn {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := r.NewGRPC()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(l.Addr().String(), append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func outgoing(t *testing.T, token, tenant string) context.Context {
	var md []string
	if token != "" {
		md = append(md, "authorization", "Bearer "+token)
	}
	if tenant != "" {
		md = append(md, "x-scope-orgid", tenant)
	}
	return metadata.AppendToOutgoingContext(t.Context(), md...)
}

func requestOf(t *testing.T, spans []tael.Span) *collector.ExportTraceServiceRequest {
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(protobufOf(spans), &request); err != nil {
		t.Fatal(err)
	}
	return &request
}

func TestGRPCStoresTheSameSpans(t *testing.T) {
	r := newRig(t, nil)
	client := collector.NewTraceServiceClient(r.serve(t))
	for round := range uint64(2) {
		for _, compressor := range []string{"", "gzip", "zstd"} {
			t.Run(fmt.Sprint(compressor, round), func(t *testing.T) {
				var options []grpc.CallOption
				if compressor != "" {
					options = append(options, grpc.UseCompressor(compressor))
				}
				want := randomSpans(11+round, 300)
				answer, err := client.Export(outgoing(t, writeToken, "t1"), requestOf(t, want), options...)
				if err != nil || answer.PartialSuccess != nil {
					t.Fatal(answer, err)
				}
				if d := storetest.DiffSpans(r.store.take("t1"), inOrder(want)); d != "" {
					t.Fatal(d)
				}
			})
		}
	}
	bad := spanWith(1, 1)
	bad.TraceID = tael.TraceID{}
	answer, err := client.Export(outgoing(t, acmeToken, ""), requestOf(t, []tael.Span{bad, spanWith(2, 1)}))
	if err != nil || answer.GetPartialSuccess().GetRejectedSpans() != 1 || answer.PartialSuccess.ErrorMessage == "" {
		t.Fatal(answer, err)
	}
	if d := storetest.DiffSpans(r.store.take("acme"), []tael.Span{spanWith(2, 1)}); d != "" {
		t.Fatal(d)
	}
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }
func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// wrongCompressor says a name and does something else.
type wrongCompressor struct{ name string }

func (c wrongCompressor) Type() string { return c.name }
func (wrongCompressor) Do(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

func TestGRPCRefusals(t *testing.T) {
	good := protobufOf(randomSpans(3, 50))
	const limit = 1 << 20
	large := make([]byte, limit+1)
	for _, c := range []struct {
		name, token, tenant, compressor string
		body                            []byte
		store                           error
		code                            codes.Code
		retry                           bool
	}{
		{"no token", "", "", "", good, nil, codes.Unauthenticated, false},
		{"read token", readToken, "", "", good, nil, codes.PermissionDenied, false},
		{"another tenant", acmeToken, "other", "", good, nil, codes.PermissionDenied, false},
		{"bad tenant", writeToken, "a/b", "", good, nil, codes.InvalidArgument, false},
		{"no token, large", "", "", "", large, nil, codes.Unauthenticated, false},
		{"torn", writeToken, "", "", good[:len(good)-1], nil, codes.InvalidArgument, false},
		{"not text", writeToken, "", "", []byte("\xff\xfe\xfd"), nil, codes.InvalidArgument, false},
		{"too large", writeToken, "", "", large, nil, codes.ResourceExhausted, false},
		{"gzip bomb", writeToken, "", "gzip", large, nil, codes.ResourceExhausted, false},
		{"zstd bomb", writeToken, "", "zstd", large, nil, codes.ResourceExhausted, false},
		{"unknown compression", writeToken, "", "br", good, nil, codes.Unimplemented, false},
		{"not gzip", writeToken, "", "not gzip", good, nil, codes.Internal, false},
		{"overload", writeToken, "", "", good, tael.ErrOverloaded, codes.ResourceExhausted, true},
		{"disk", writeToken, "", "", good, tael.ErrUnavailable, codes.Unavailable, true},
		{"unknown fault", writeToken, "", "zstd", good, errors.New("nobody thought of this"), codes.Unavailable, true},
		{"deadline", writeToken, "", "", good, context.DeadlineExceeded, codes.Unavailable, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.RetryAfter = limit, 1500*time.Millisecond })
			r.store.fail = func(context.Context) error { return c.store }
			var dial []grpc.DialOption
			var call []grpc.CallOption
			switch c.compressor {
			case "":
			case "gzip", "zstd":
				call = append(call, grpc.UseCompressor(c.compressor))
			case "not gzip":
				dial = append(dial, grpc.WithCompressor(wrongCompressor{"gzip"})) //nolint:staticcheck // the only way to send what is not what it says
			default:
				dial = append(dial, grpc.WithCompressor(wrongCompressor{c.compressor})) //nolint:staticcheck // the same
			}
			conn := r.serve(t, dial...)
			var answer []byte
			err := conn.Invoke(outgoing(t, c.token, c.tenant), collector.TraceService_Export_FullMethodName, &c.body, &answer,
				append(call, grpc.ForceCodecV2(bytesCodec{}))...)
			said := status.Convert(err)
			if said.Code() != c.code || said.Message() == "" {
				t.Fatalf("got %v, want %v", err, c.code)
			}
			if c.retry || len(said.Details()) > 0 {
				checkRetryInfo(t, said.Proto(), c.retry)
			}
			if !r.store.empty() {
				t.Fatal("something was stored")
			}
			waitFree(t, r.Receiver)
		})
	}
}

func TestGRPCBytesInFlightAreLimited(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBodyBytes, o.MaxInflightBytes = 4<<20, 4<<20+1 })
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	r.store.fail = func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	client := collector.NewTraceServiceClient(r.serve(t))
	large, small := requestOf(t, []tael.Span{spanWith(1, 3<<20)}), requestOf(t, []tael.Span{spanWith(2, 10)})
	first := make(chan error)
	go func() {
		_, err := client.Export(outgoing(t, writeToken, ""), large)
		first <- err
	}()
	<-entered
	for _, request := range []*collector.ExportTraceServiceRequest{large, small} {
		_, err := client.Export(outgoing(t, writeToken, ""), request)
		said := status.Convert(err)
		if said.Code() != codes.ResourceExhausted || len(said.Details()) != 1 {
			t.Fatalf("second request: %v", err)
		}
	}
	close(leave)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if _, err := client.Export(outgoing(t, writeToken, ""), small); err != nil {
		t.Fatalf("after the first: %v", err)
	}
}

func TestAGRPCClientThatSendsNothing(t *testing.T) {
	desc := &grpc.StreamDesc{ClientStreams: true}
	t.Run("is cut off", func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.ReadTimeout, o.RetryAfter = 100*time.Millisecond, 1500*time.Millisecond })
		stream, err := r.serve(t).NewStream(outgoing(t, writeToken, ""), desc, collector.TraceService_Export_FullMethodName)
		if err != nil {
			t.Fatal(err)
		}
		err = stream.RecvMsg(&collector.ExportTraceServiceResponse{})
		said := status.Convert(err)
		if said.Code() != codes.Unavailable {
			t.Fatal(err)
		}
		checkRetryInfo(t, said.Proto(), true)
		waitFree(t, r.Receiver)
	})
	t.Run("and vanishes", func(t *testing.T) {
		r := newRig(t, nil)
		ctx, cancel := context.WithCancel(outgoing(t, writeToken, ""))
		client := r.serve(t)
		// Looking takes all there is for a moment. A call that comes just then is refused, and another is made.
		for held := false; !held; {
			stream, err := client.NewStream(ctx, desc, collector.TraceService_Export_FullMethodName)
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				_ = stream.RecvMsg(&collector.ExportTraceServiceResponse{})
			}()
			waitFor(t, "the call to come", func() bool {
				select {
				case <-answered:
					return true
				default:
				}
				if held = !r.inflight.TryAcquire(r.o.MaxInflightBytes); !held {
					r.inflight.Release(r.o.MaxInflightBytes)
				}
				return held
			})
		}
		cancel()
		waitFree(t, r.Receiver)
	})
	t.Run("and ends", func(t *testing.T) {
		r := newRig(t, nil)
		stream, err := r.serve(t).NewStream(outgoing(t, writeToken, ""), desc, collector.TraceService_Export_FullMethodName)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(&collector.ExportTraceServiceResponse{}); status.Code(err) != codes.Internal {
			t.Fatal(err)
		}
	})
}
