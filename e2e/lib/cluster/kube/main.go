// The parts of a Kubernetes control plane and node, and kubectl, in one program: the first argument chooses.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	parts := map[string]func() *cobra.Command{
		"apiserver": apiserver.NewAPIServerCommand,
		"kubectl":   kubectl.NewDefaultKubectlCommand,
		"kubelet":   func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
		"manager":   manager.NewControllerManagerCommand,
		"proxy":     proxy.NewProxyCommand,
		"scheduler": func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	}
	part := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)
	os.Exit(cli.Run(parts[part]()))
}
