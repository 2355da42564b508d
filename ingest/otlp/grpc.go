package otlp

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael/access"
)

// rawMessage is a request as it came, so that the generated decoder (some 7 microseconds a span) never runs.
type rawMessage struct{ data mem.Buffer }

// rawCodec passes requests through and encodes answers as protobuf.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*rawMessage)
	if !ok {
		return fmt.Errorf("otlp: cannot decode into %T", v)
	}
	m.data = data.MaterializeToBuffer(mem.DefaultBufferPool())
	return nil
}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("otlp: cannot encode %T", v)
	}
	b, err := proto.Marshal(m)
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

// readAhead is what is paid for a message before it is read, because gRPC does not tell its size before. The memory of messages that
// are being read is thus bounded by MaxInflightBytes / readAhead of the largest ones; one that has been read pays for what it is.
const readAhead = 1 << 20

// NewGRPC makes the gRPC server of the receiver. The caller serves and stops it. Extra options (TLS) are applied last.
func (r *Receiver) NewGRPC(extra ...grpc.ServerOption) *grpc.Server {
	options := append([]grpc.ServerOption{
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.MaxRecvMsgSize(int(min(r.o.MaxBodyBytes, math.MaxInt32))),
		grpc.MaxConcurrentStreams(256),
		grpc.ConnectionTimeout(r.o.ReadTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 10 * time.Minute, Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.StaticStreamWindowSize(1 << 20),
		grpc.StaticConnWindowSize(4 << 20),
	}, extra...)
	s := grpc.NewServer(options...)
	// A unary call looks the same on the wire as a stream with one message each way. As a stream it is ours to decide, before
	// its message is read, whether it may come and whether there is room for it.
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.collector.trace.v1.TraceService",
		HandlerType: (*any)(nil),
		Streams:     []grpc.StreamDesc{{StreamName: "Export", Handler: func(_ any, stream grpc.ServerStream) error { return r.serveGRPC(stream) }}},
	}, r)
	return s
}

func (r *Receiver) serveGRPC(stream grpc.ServerStream) error {
	answer, err := r.exportGRPC(stream)
	if err == nil {
		if err := stream.SendMsg(answer); err != nil {
			r.metrics.refused("answer_lost") // the client has gone; it will send again, which changes nothing
			return err
		}
		return nil
	}
	a := classify(err)
	r.refused(stream.Context(), "grpc", a, err)
	if said := (*transportError)(nil); errors.As(err, &said) {
		return said.err
	}
	return statusOf(err, a, r.o.RetryAfter).Err()
}

func (r *Receiver) exportGRPC(stream grpc.ServerStream) (proto.Message, error) {
	md, _ := metadata.FromIncomingContext(stream.Context())
	first := func(name string) string { return strings.Join(md.Get(name), "") }
	tenant, err := r.access.Authorize(first("authorization"), first("x-scope-orgid"), access.RoleWrite)
	if err != nil {
		return nil, err
	}
	held := min(readAhead, r.o.MaxInflightBytes)
	if !r.inflight.TryAcquire(held) {
		return nil, errFull
	}
	defer func() { r.inflight.Release(held) }()
	message, err := r.receive(stream)
	if err != nil {
		return nil, err
	}
	defer message.Free()
	body := message.ReadOnlyData()
	if more := int64(len(body)) - held; more < 0 {
		r.inflight.Release(-more)
	} else if !r.inflight.TryAcquire(more) {
		return nil, errFull
	}
	held = int64(len(body))
	rejected, err := r.take(stream.Context(), tenant, body, held)
	if err != nil {
		return nil, err
	}
	return response(rejected), nil
}

// receive reads the message within the time that a client may take. A reader that is left behind ends with the stream, when the handler
// returns.
func (r *Receiver) receive(stream grpc.ServerStream) (mem.Buffer, error) {
	type received struct {
		m   rawMessage
		err error
	}
	done := make(chan received, 1)
	go func() {
		var got received
		got.err = stream.RecvMsg(&got.m)
		done <- got
	}()
	timer := time.NewTimer(r.o.ReadTimeout)
	defer timer.Stop()
	select {
	case got := <-done:
		if got.err != nil {
			if got.m.data != nil {
				got.m.data.Free()
			}
			return nil, &transportError{got.err}
		}
		return got.m.data, nil
	case <-timer.C:
		return nil, fmt.Errorf("%w of %v (otlp-read-timeout)", errSlow, r.o.ReadTimeout)
	}
}

// transportError is what the gRPC library says of a message that it cannot read; it has the status that the client is to see.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }
