package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	apitest "k8s.io/cri-api/pkg/apis/testing"
	utilexec "k8s.io/utils/exec"
)

const (
	networkBroken = `failed to setup network for sandbox %q: plugin type="calico" failed (add): ` +
		`error getting ClusterInformation: connection is unauthorized: Unauthorized`
	commandMissing = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: ` +
		`unable to start container process: error during container init: exec: "/app/serverr": stat /app/serverr: no such file or directory`
	pullFailed   = "failed to pull and unpack image %q: failed to resolve reference %q: "
	pullDenied   = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
	pullTimesOut = `failed to do request: Head "https://registry.example.com/v2/shop/timeout/manifests/1.0": dial tcp 10.9.8.7:443: i/o timeout`
)

// pullTime is how long an image takes.
const pullTime = 400 * time.Millisecond

// runtime is the container runtime: that of the kubelet's own tests, which fails as images and files say.
type runtime struct {
	*apitest.FakeRuntimeService
	faults    faults
	sandboxes atomic.Int32 // counts them, for their addresses
}

// RunPodSandbox makes a sandbox with an address of its own, unless the pod network is broken.
func (r *runtime) RunPodSandbox(ctx context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	if r.faults.has("sandbox-fail") {
		return "", status.Errorf(codes.Unknown, networkBroken, config.Metadata.Uid)
	}
	id, err := r.FakeRuntimeService.RunPodSandbox(ctx, config, handler)
	if err != nil {
		return "", err
	}
	n := r.sandboxes.Add(1)
	r.Lock()
	defer r.Unlock()
	r.Sandboxes[id].Network.Ip = fmt.Sprintf("10.88.%d.%d", n/250, n%250+2)
	return id, nil
}

// StartContainer starts a container, and ends it again as its image says.
func (r *runtime) StartContainer(ctx context.Context, id string) error {
	image := r.imageOf(id)
	if image == "badcmd" {
		return status.Error(codes.Unknown, commandMissing)
	}
	if err := r.FakeRuntimeService.StartContainer(ctx, id); err != nil {
		return err
	}
	switch {
	case image == "crash" && !r.faults.has("crash-fixed"):
		r.exitAfter(2*time.Second, id, exit{1, "Error"})
	case image == "oom":
		r.exitAfter(4*time.Second, id, exit{137, "OOMKilled"})
	case image == "done":
		r.exitAfter(3*time.Second, id, exit{0, "Completed"})
	case image == "jobfail":
		r.exitAfter(2*time.Second, id, exit{3, "Error"})
	}
	return nil
}

// imageOf is the behaviour that a container was made with.
func (r *runtime) imageOf(id string) string {
	r.Lock()
	defer r.Unlock()
	c, ok := r.Containers[id]
	if !ok {
		return ""
	}
	if image := behaviour(c.Image.UserSpecifiedImage); image != "" {
		return image
	}
	return behaviour(c.Image.Image)
}

// exit is how a container ends.
type exit struct {
	code   int32
	reason string
}

func (r *runtime) exitAfter(d time.Duration, id string, how exit) {
	time.AfterFunc(d, func() {
		r.Lock()
		defer r.Unlock()
		if c, ok := r.Containers[id]; ok && c.State == runtimeapi.ContainerState_CONTAINER_RUNNING {
			c.State, c.FinishedAt = runtimeapi.ContainerState_CONTAINER_EXITED, time.Now().UnixNano()
			c.ExitCode, c.Reason = how.code, how.reason
		}
	})
}

// probeError says that a probe's command ended with 1.
type probeError struct{ error }

var _ utilexec.ExitError = probeError{}

func (e probeError) ExitStatus() int { return 1 }
func (e probeError) Exited() bool    { return true }
func (e probeError) String() string  { return e.Error() }

// ExecSync answers exec probes.
func (r *runtime) ExecSync(_ context.Context, _ string, command []string, _ time.Duration) (stdout, stderr []byte, err error) {
	if len(command) == 2 && command[0] == "test-file" && r.faults.has(command[1]) {
		return []byte("dependency check failed: postgres: connection refused\n"), nil, probeError{errors.New("command exited with 1")}
	}
	return []byte("ok\n"), nil, nil
}

// Close has nothing to close.
func (r *runtime) Close(context.Context) error { return nil }

// images is the image service, which fails as images and files say.
type images struct {
	*apitest.FakeImageService
	faults faults
}

// PullImage takes its time, or fails.
func (s *images) PullImage(ctx context.Context, image *runtimeapi.ImageSpec, auth *runtimeapi.AuthConfig, config *runtimeapi.PodSandboxConfig) (string, error) {
	name := image.Image
	switch kind := behaviour(name); {
	case kind == "missing":
		return "", status.Errorf(codes.NotFound, pullFailed+"%s: not found", name, name, name)
	case kind == "denied":
		return "", status.Errorf(codes.Unknown, pullFailed+pullDenied, name, name)
	case kind == "timeout" && !s.faults.has("registry-fixed"):
		return "", status.Errorf(codes.Unknown, pullFailed+pullTimesOut, name, name)
	}
	time.Sleep(pullTime)
	return s.FakeImageService.PullImage(ctx, image, auth, config)
}
