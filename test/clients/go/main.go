// The Go gRPC library (grpc-go) as a client of an etcd: ordinary calls and streams over messages that are read from
// ../proto at run time, so that nothing needs to be generated. Prints one JSON line per check: {"name","ok","detail"}.
// Arguments: host:port, directory of the proto files.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

type fields map[string]any

type client struct {
	connection *grpc.ClientConn
	methods    map[string]protoreflect.MethodDescriptor
}

// Fills a message: nested fields as `fields`, lists as []fields, enums by name.
func fill(message protoreflect.Message, values fields) {
	for name, value := range values {
		field := message.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil {
			panic("no field " + name + " in " + string(message.Descriptor().FullName()))
		}
		switch v := value.(type) {
		case fields:
			fill(message.Mutable(field).Message(), v)
		case []fields:
			list := message.Mutable(field).List()
			for _, item := range v {
				fill(list.AppendMutable().Message(), item)
			}
		case string:
			switch field.Kind() {
			case protoreflect.BytesKind:
				message.Set(field, protoreflect.ValueOfBytes([]byte(v)))
			case protoreflect.EnumKind:
				message.Set(field, protoreflect.ValueOfEnum(field.Enum().Values().ByName(protoreflect.Name(v)).Number()))
			default:
				message.Set(field, protoreflect.ValueOfString(v))
			}
		case int:
			message.Set(field, protoreflect.ValueOfInt64(int64(v)))
		default:
			message.Set(field, protoreflect.ValueOf(v))
		}
	}
}

// A value by its path: "kvs.0.value"; bytes come as string, absent messages as their zero value.
func at(message protoreflect.Message, path string) any {
	var current any = message
	for _, part := range strings.Split(path, ".") {
		switch value := current.(type) {
		case protoreflect.Message:
			field := value.Descriptor().Fields().ByName(protoreflect.Name(part))
			current = value.Get(field).Interface()
		case protoreflect.List:
			if part == "length" {
				return int64(value.Len())
			}
			var index int
			fmt.Sscan(part, &index)
			if index >= value.Len() {
				return fmt.Sprintf("no element %d of %s", index, path)
			}
			current = value.Get(index).Interface()
		}
	}
	if bytes, ok := current.([]byte); ok {
		return string(bytes)
	}
	return current
}

func (c *client) request(rpc string, values fields) (string, *dynamicpb.Message, protoreflect.MethodDescriptor) {
	method := c.methods[rpc]
	message := dynamicpb.NewMessage(method.Input())
	fill(message, values)
	return fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()), message, method
}

func (c *client) call(ctx context.Context, rpc string, values fields, options ...grpc.CallOption) (protoreflect.Message, error) {
	path, request, method := c.request(rpc, values)
	response := dynamicpb.NewMessage(method.Output())
	err := c.connection.Invoke(ctx, path, request, response, options...)
	return response, err
}

type stream struct {
	grpc.ClientStream
	method protoreflect.MethodDescriptor
}

func (c *client) open(ctx context.Context, rpc string) stream {
	path, _, method := c.request(rpc, nil)
	description := &grpc.StreamDesc{ClientStreams: method.IsStreamingClient(), ServerStreams: true}
	opened, err := c.connection.NewStream(ctx, description, path)
	must(err)
	return stream{opened, method}
}

func (s stream) send(values fields) {
	message := dynamicpb.NewMessage(s.method.Input())
	fill(message, values)
	must(s.SendMsg(message))
}

func (s stream) next() (protoreflect.Message, error) {
	message := dynamicpb.NewMessage(s.method.Output())
	err := s.RecvMsg(message)
	return message, err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(what string, got any, want any) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		panic(fmt.Sprintf("%s: got %v, want %v", what, got, want))
	}
}

func refused(err error, code codes.Code, text string) {
	equal("code", status.Code(err), code)
	if text != "" {
		equal("text", status.Convert(err).Message(), text)
	}
}

func main() {
	endpoint, directory := os.Args[1], os.Args[2]
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{directory}}}
	files, err := compiler.Compile(context.Background(), "rpc.proto", "lock.proto")
	must(err)
	methods := map[string]protoreflect.MethodDescriptor{}
	for _, file := range files {
		for i := 0; i < file.Services().Len(); i++ {
			service := file.Services().Get(i)
			for j := 0; j < service.Methods().Len(); j++ {
				methods[string(service.Methods().Get(j).Name())] = service.Methods().Get(j)
			}
		}
	}
	connection, err := grpc.Dial(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	must(err)
	defer connection.Close()
	c := &client{connection, methods}
	checks := []struct {
		name string
		run  func(context.Context, *client)
	}{
		{"put and get", putAndGet},
		{"txn", txn},
		{"history", history},
		{"watch", watch},
		{"lease", lease},
		{"errors", refusals},
		{"lock", lock},
		{"deadline", deadline},
		{"large messages", large},
		{"gzip", compressed},
		{"snapshot", snapshot},
		{"auth", auth},
	}
	for _, check := range checks {
		line := map[string]any{"name": check.name, "ok": true}
		func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			defer func() {
				if reason := recover(); reason != nil {
					line["ok"], line["detail"] = false, fmt.Sprint(reason)
				}
			}()
			check.run(ctx, c)
		}()
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}

func putAndGet(ctx context.Context, c *client) {
	put, err := c.call(ctx, "Put", fields{"key": "go/p/a", "value": "1"})
	must(err)
	revision := at(put, "header.revision").(int64)
	got, err := c.call(ctx, "Range", fields{"key": "go/p/a"})
	must(err)
	equal("value", at(got, "kvs.0.value"), "1")
	equal("mod_revision", at(got, "kvs.0.mod_revision"), revision)
	deleted, err := c.call(ctx, "DeleteRange", fields{"key": "go/p/", "range_end": "go/p0", "prev_kv": true})
	must(err)
	equal("deleted", at(deleted, "deleted"), 1)
	equal("prev_kvs", at(deleted, "prev_kvs.0.value"), "1")
}

func txn(ctx context.Context, c *client) {
	create := fields{
		"compare": []fields{{"key": "go/t", "target": "CREATE", "create_revision": 0}},
		"success": []fields{{"request_put": fields{"key": "go/t", "value": "made"}}},
		"failure": []fields{{"request_range": fields{"key": "go/t"}}},
	}
	first, err := c.call(ctx, "Txn", create)
	must(err)
	equal("succeeded", at(first, "succeeded"), true)
	second, err := c.call(ctx, "Txn", create)
	must(err)
	equal("succeeded", at(second, "succeeded"), false)
	equal("value", at(second, "responses.0.response_range.kvs.0.value"), "made")
}

func history(ctx context.Context, c *client) {
	put, err := c.call(ctx, "Put", fields{"key": "go/h", "value": "old"})
	must(err)
	revision := at(put, "header.revision").(int64)
	_, err = c.call(ctx, "Put", fields{"key": "go/h", "value": "new"})
	must(err)
	got, err := c.call(ctx, "Range", fields{"key": "go/h", "revision": revision})
	must(err)
	equal("value", at(got, "kvs.0.value"), "old")
	_, err = c.call(ctx, "Range", fields{"key": "go/h", "revision": revision + 1000})
	refused(err, codes.OutOfRange, "etcdserver: mvcc: required revision is a future revision")
}

func watch(ctx context.Context, c *client) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := c.open(ctx, "Watch")
	s.send(fields{"create_request": fields{"key": "go/w/", "range_end": "go/w0", "prev_kv": true}})
	created, err := s.next()
	must(err)
	equal("created", at(created, "created"), true)
	for i := 0; i < 100; i++ {
		_, err := c.call(ctx, "Put", fields{"key": fmt.Sprintf("go/w/%d", i%10), "value": fmt.Sprint(i)})
		must(err)
	}
	last := int64(0)
	for seen := 0; seen < 100; {
		message, err := s.next()
		must(err)
		count := at(message, "events.length").(int64)
		for i := int64(0); i < count; i++ {
			equal("value", at(message, fmt.Sprintf("events.%d.kv.value", i)), seen)
			if seen >= 10 {
				equal("prev_kv", at(message, fmt.Sprintf("events.%d.prev_kv.value", i)), seen-10)
			}
			revision := at(message, fmt.Sprintf("events.%d.kv.mod_revision", i)).(int64)
			if revision <= last {
				panic("revisions do not ascend")
			}
			last = revision
			seen++
		}
	}
	s.send(fields{"progress_request": fields{}})
	progress, err := s.next()
	must(err)
	equal("watch_id", at(progress, "watch_id"), -1)
	equal("progress", at(progress, "header.revision"), last)
	s.send(fields{"cancel_request": fields{"watch_id": 0}})
	canceled, err := s.next()
	must(err)
	equal("canceled", at(canceled, "canceled"), true)
	cancel()
	_, err = s.next()
	refused(err, codes.Canceled, "")
}

func lease(ctx context.Context, c *client) {
	granted, err := c.call(ctx, "LeaseGrant", fields{"TTL": 60})
	must(err)
	id := at(granted, "ID")
	_, err = c.call(ctx, "Put", fields{"key": "go/l", "lease": id})
	must(err)
	s := c.open(ctx, "LeaseKeepAlive")
	for i := 0; i < 3; i++ {
		s.send(fields{"ID": id})
		alive, err := s.next()
		must(err)
		equal("TTL", at(alive, "TTL"), 60)
	}
	must(s.CloseSend())
	_, err = s.next()
	equal("end", err, "EOF")
	life, err := c.call(ctx, "LeaseTimeToLive", fields{"ID": id, "keys": true})
	must(err)
	equal("keys", at(life, "keys.0"), "go/l")
	_, err = c.call(ctx, "LeaseRevoke", fields{"ID": id})
	must(err)
	got, err := c.call(ctx, "Range", fields{"key": "go/l"})
	must(err)
	equal("count", at(got, "count"), 0)
}

func refusals(ctx context.Context, c *client) {
	_, err := c.call(ctx, "Put", fields{"key": ""})
	refused(err, codes.InvalidArgument, "etcdserver: key is not provided")
	_, err = c.call(ctx, "Put", fields{"key": "go/e", "lease": 404})
	refused(err, codes.NotFound, "etcdserver: requested lease not found")
	put := fields{"request_put": fields{"key": "go/e"}}
	_, err = c.call(ctx, "Txn", fields{"success": []fields{put, put}})
	refused(err, codes.InvalidArgument, "etcdserver: duplicate key given in txn request")
	_, err = c.call(ctx, "UserGet", fields{"name": "nobody"})
	refused(err, codes.FailedPrecondition, "etcdserver: user name not found")
	_, request, method := c.request("Range", nil)
	err = c.connection.Invoke(ctx, "/etcdserverpb.KV/Nothing", request, dynamicpb.NewMessage(method.Output()))
	refused(err, codes.Unimplemented, "unknown method Nothing for service etcdserverpb.KV")
}

func lock(ctx context.Context, c *client) {
	first, err := c.call(ctx, "Lock", fields{"name": "go/lock"})
	must(err)
	locked := make(chan string)
	go func() {
		second, err := c.call(ctx, "Lock", fields{"name": "go/lock"})
		if err != nil {
			locked <- err.Error()
			return
		}
		locked <- at(second, "key").(string)
	}()
	for {
		got, err := c.call(ctx, "Range", fields{"key": "go/lock/", "range_end": "go/lock0"})
		must(err)
		if at(got, "count").(int64) == 2 {
			break
		}
	}
	_, err = c.call(ctx, "Unlock", fields{"key": at(first, "key")})
	must(err)
	key := <-locked
	if !strings.HasPrefix(key, "go/lock/") {
		panic(key)
	}
	_, err = c.call(ctx, "Unlock", fields{"key": key})
	must(err)
}

func deadline(ctx context.Context, c *client) {
	first, err := c.call(ctx, "Lock", fields{"name": "go/deadline"})
	must(err)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err = c.call(short, "Lock", fields{"name": "go/deadline"})
	refused(err, codes.DeadlineExceeded, "")
	_, err = c.call(ctx, "Unlock", fields{"key": at(first, "key")})
	must(err)
}

func large(ctx context.Context, c *client) {
	value := strings.Repeat("x", 1_400_000)
	for i := 0; i < 8; i++ {
		_, err := c.call(ctx, "Put", fields{"key": fmt.Sprintf("go/big/%d", i), "value": value})
		must(err)
	}
	got, err := c.call(ctx, "Range", fields{"key": "go/big/", "range_end": "go/big0"})
	must(err)
	equal("count", at(got, "kvs.length"), 8)
	equal("value", at(got, "kvs.7.value") == value, true)
	_, err = c.call(ctx, "Put", fields{"key": "go/big", "value": strings.Repeat("x", 1_600_000)})
	refused(err, codes.InvalidArgument, "etcdserver: request is too large")
	_, err = c.call(ctx, "Put", fields{"key": "go/big", "value": strings.Repeat("x", 3_000_000)})
	refused(err, codes.ResourceExhausted, "")
	_, err = c.call(ctx, "DeleteRange", fields{"key": "go/big/", "range_end": "go/big0"})
	must(err)
}

func compressed(ctx context.Context, c *client) {
	value := strings.Repeat("squeeze me ", 10_000)
	_, err := c.call(ctx, "Put", fields{"key": "go/gzip", "value": value}, grpc.UseCompressor(gzip.Name))
	must(err)
	got, err := c.call(ctx, "Range", fields{"key": "go/gzip"}, grpc.UseCompressor(gzip.Name))
	must(err)
	equal("value", at(got, "kvs.0.value") == value, true)
}

func snapshot(ctx context.Context, c *client) {
	path, request, method := c.request("Snapshot", nil)
	opened, err := c.connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path)
	must(err)
	must(opened.SendMsg(request))
	must(opened.CloseSend())
	var all []byte
	for {
		message := dynamicpb.NewMessage(method.Output())
		if err := opened.RecvMsg(message); err != nil {
			equal("end", err, "EOF")
			break
		}
		all = append(all, at(message, "blob").(string)...)
	}
	sum := sha256.Sum256(all[:len(all)-32])
	equal("sum", string(all[len(all)-32:]) == string(sum[:]), true)
}

func auth(ctx context.Context, c *client) {
	do := func(ctx context.Context, rpc string, values fields) protoreflect.Message {
		response, err := c.call(ctx, rpc, values)
		must(err)
		return response
	}
	do(ctx, "UserAdd", fields{"name": "root", "password": "secret"})
	do(ctx, "UserAdd", fields{"name": "gopher", "password": "hole"})
	do(ctx, "RoleAdd", fields{"name": "root"})
	do(ctx, "RoleAdd", fields{"name": "gophers"})
	do(ctx, "RoleGrantPermission", fields{"name": "gophers", "perm": fields{"permType": "READWRITE", "key": "go/", "range_end": "go0"}})
	do(ctx, "UserGrantRole", fields{"user": "root", "role": "root"})
	do(ctx, "UserGrantRole", fields{"user": "gopher", "role": "gophers"})
	do(ctx, "AuthEnable", nil)
	login := func(name string, password string) context.Context {
		token := at(do(ctx, "Authenticate", fields{"name": name, "password": password}), "token").(string)
		return metadata.AppendToOutgoingContext(ctx, "token", token)
	}
	root := login("root", "secret")
	gopher := login("gopher", "hole")
	_, err := c.call(ctx, "Range", fields{"key": "go/a"})
	refused(err, codes.InvalidArgument, "etcdserver: user name is empty")
	_, err = c.call(ctx, "Authenticate", fields{"name": "gopher", "password": "wrong"})
	refused(err, codes.InvalidArgument, "etcdserver: authentication failed, invalid user ID or password")
	_, err = c.call(metadata.AppendToOutgoingContext(ctx, "token", "nonsense"), "Range", fields{"key": "go/a"})
	refused(err, codes.Unauthenticated, "etcdserver: invalid auth token")
	do(gopher, "Put", fields{"key": "go/a"})
	_, err = c.call(gopher, "Put", fields{"key": "elsewhere"})
	refused(err, codes.PermissionDenied, "etcdserver: permission denied")
	do(root, "AuthDisable", nil)
	for _, user := range []string{"root", "gopher"} {
		do(ctx, "UserDelete", fields{"name": user})
	}
	do(ctx, "RoleDelete", fields{"role": "root"})
	do(ctx, "RoleDelete", fields{"role": "gophers"})
}
