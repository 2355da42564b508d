package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const exportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// grpcExporter has connections of its own, because one HTTP/2 connection is one TCP stream.
type grpcExporter struct {
	opts  *Options
	conns []*grpc.ClientConn
	next  atomic.Uint64
}

func newGRPCExporter(o *Options) (*grpcExporter, error) {
	creds := insecure.NewCredentials()
	if o.TLS != nil {
		creds = credentials.NewTLS(o.TLS.Clone())
	}
	e := &grpcExporter{opts: o}
	for range o.Connections {
		conn, err := grpc.NewClient(o.Endpoint, grpc.WithTransportCredentials(creds),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(maxAnswer), grpc.MaxCallSendMsgSize(math.MaxInt32)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect to %s: %w", o.Endpoint, err), e.close())
		}
		e.conns = append(e.conns, conn)
	}
	return e, nil
}

func (e *grpcExporter) export(ctx context.Context, p Payload) (answer, error) {
	if e.opts.Tenant != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-scope-orgid", e.opts.Tenant)
	}
	if e.opts.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+e.opts.Token)
	}
	var call []grpc.CallOption
	if e.opts.Gzip {
		call = append(call, grpc.UseCompressor(gzip.Name))
	}
	conn := e.conns[e.next.Add(1)%uint64(len(e.conns))]
	var out []byte
	if err := conn.Invoke(ctx, exportMethod, p.Body, &out, call...); err != nil {
		return answer{}, grpcRefusal(err)
	}
	return decodeAnswer(out)
}

// grpcRefusal follows OTLP/gRPC: an exhausted resource is to be sent again only if the server says when.
func grpcRefusal(err error) error {
	st := status.Convert(err)
	r := &refusal{code: st.Code().String(), text: st.Message()}
	hinted := false
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			hinted, r.after = true, info.GetRetryDelay().AsDuration()
		}
	}
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		r.retry = true
	case codes.ResourceExhausted:
		r.retry = hinted
	}
	return r
}

func (e *grpcExporter) close() error {
	var errs []error
	for _, c := range e.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// rawCodec sends bytes that are protobuf already, and gives the answer's bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("encode a request: have %T, want bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	out, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("decode an answer: have %T, want bytes", v)
	}
	*out = data.Materialize()
	return nil
}
