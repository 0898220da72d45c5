// Command hollow runs the real kubelet (k8s.io/kubernetes/pkg/kubelet, by way of pkg/kubemark) on a scripted container runtime
// in the same process. Nothing is executed and nothing listens. A container behaves as the last part of its image's name says,
// and files in the -dir folder make things fail:
//
//	image     what happens                     unless this file exists
//	crash     exits with 1 after 2 s           crash-fixed
//	oom       exits with 137, OOMKilled, 4 s
//	done      exits with 0 after 3 s
//	jobfail   exits with 3 after 2 s
//	badcmd    cannot be started
//	missing   pull fails: not found
//	denied    pull fails: access denied
//	timeout   pull fails: i/o timeout          registry-fixed
//	other     runs
//
//	file           while it exists
//	sandbox-fail   no pod sandbox can be created
//	NAME           an exec probe with the command ["test-file", "NAME"] fails
//
// Events come from the real kubelet, prober, image manager and event correlator. The texts after "rpc error: code = ..." are
// ours, in containerd's style.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	apitest "k8s.io/cri-api/pkg/apis/testing"
	"k8s.io/klog/v2"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

// faults is the folder of files that make things fail.
type faults string

// has reports whether a file is there now.
func (f faults) has(name string) bool {
	_, err := os.Stat(filepath.Join(string(f), name))
	return err == nil
}

// behaviour is the last part of an image's name, without tag or digest.
func behaviour(image string) string {
	image = image[strings.LastIndex(image, "/")+1:]
	if i := strings.IndexAny(image, ":@"); i >= 0 {
		image = image[:i]
	}
	return image
}

// node is a kubelet to be.
type node struct {
	name   string
	port   int
	faults faults
	access *rest.Config
}

func main() {
	klog.InitFlags(nil)
	var n node
	kubeconfig := flag.String("kubeconfig", "", "`file` with the way to the API server")
	folder := flag.String("dir", "", "`folder` of the files that make things fail")
	flag.StringVar(&n.name, "name", "hollow-0", "the node's name")
	flag.IntVar(&n.port, "port", 21250, "port that the Node object shows; nothing listens on it")
	flag.Parse()
	if err := n.prepare(*kubeconfig, *folder); err != nil {
		klog.Fatal(err)
	}
	n.run()
}

// prepare finds what the node needs.
func (n *node) prepare(kubeconfig, folder string) (err error) {
	if kubeconfig == "" || folder == "" {
		return errors.New("-kubeconfig and -dir must be given")
	}
	n.faults = faults(folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	n.access, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	return err
}

// run is the kubelet's life. It does not return.
func (n *node) run() {
	n.access.UserAgent = "hollow-kubelet"
	n.access.QPS, n.access.Burst = 50, 100
	n.access.ContentType = "application/vnd.kubernetes.protobuf"
	client := kubernetes.NewForConfigOrDie(n.access)
	// The kubelet's own client for heartbeats: no limit, so that they are never late for the sake of others, and a short time-out.
	beat := *n.access
	beat.QPS, beat.Timeout = -1, 10*time.Second
	heartbeat := kubernetes.NewForConfigOrDie(&beat)

	flags, config := kubemark.GetHollowKubeletConfig(&kubemark.HollowKubeletOptions{NodeName: n.name, KubeletPort: n.port, MaxPods: 110})
	config.Address = "127.0.0.1"
	config.EnableServer = false
	config.MaxOpenFiles = 20000
	config.NodeStatusUpdateFrequency.Duration = 5 * time.Second
	config.ClusterDNS = []string{"10.96.0.10"} // without it every pod emits MissingClusterDNS again and again
	config.ClusterDomain = "cluster.local"

	kubelet := kubemark.NewHollowKubelet(flags, config, client, heartbeat, &cadvisortest.Fake{NodeName: n.name},
		n.images(), n.runtime(), cm.NewStubContainerManager())
	kubelet.KubeletDeps.Recorder = nil // nil: the kubelet makes the real one
	kubelet.KubeletDeps.EventClient = events{client.CoreV1()}
	kubelet.KubeletDeps.ProbeManager = nil // likewise
	kubelet.Run(context.Background())
}

func (n *node) runtime() *runtime {
	fake := apitest.NewFakeRuntimeService()
	fake.FakeStatus = &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
		{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Status: true},
	}}
	return &runtime{FakeRuntimeService: fake, faults: n.faults}
}

func (n *node) images() *images {
	fake := apitest.NewFakeImageService()
	fake.SetFakeImageSize(73 << 20)
	fake.SetFakeFilesystemUsage([]*runtimeapi.FilesystemUsage{{
		Timestamp: 1, FsId: &runtimeapi.FilesystemIdentifier{Mountpoint: "/"},
		UsedBytes: &runtimeapi.UInt64Value{Value: 1 << 30}, InodesUsed: &runtimeapi.UInt64Value{Value: 1000},
	}})
	return &images{fake, n.faults}
}
