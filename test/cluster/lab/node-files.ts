import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTAINERD_SETTINGS } from './containerd-root.ts'

export interface NodeFiles {
  /** The node's folder. */
  readonly disk: string
  /** Of the node, below which its kubelet makes those of pods. */
  readonly cgroup: string
  readonly podSubnet: string
  /** A file. */
  readonly kubeconfig: string
}

/** Writes what the daemons of a node read from its /etc. */
export function writeNodeFiles({ disk, cgroup, podSubnet, kubeconfig }: NodeFiles): void {
  const kubernetes = join(disk, 'etc/kubernetes')
  mkdirSync(join(kubernetes, 'manifests'), { recursive: true })
  mkdirSync(join(disk, 'etc/cni/net.d'), { recursive: true })
  copyFileSync(kubeconfig, join(kubernetes, 'kubelet.kubeconfig'))
  writeFileSync(join(kubernetes, 'containerd.toml'), CONTAINERD_SETTINGS)
  writeJson(join(kubernetes, 'kubelet.yaml'), kubeletConfiguration(cgroup))
  writeJson(join(disk, 'etc/cni/net.d/10-pods.conflist'), podNetwork(podSubnet))
}

/** With it, kube-proxy starts. */
export function writeProxyFiles(disk: string, kubeconfig: string): void {
  const kubernetes = join(disk, 'etc/kubernetes')
  copyFileSync(kubeconfig, join(kubernetes, 'kube-proxy.kubeconfig'))
  writeJson(join(kubernetes, 'kube-proxy.yaml'), {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: '/etc/kubernetes/kube-proxy.kubeconfig' },
    // 0: the kernel's own stay.
    conntrack: {
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: '0s',
      tcpCloseWaitTimeout: '0s',
      udpTimeout: '0s',
      udpStreamTimeout: '0s',
    },
  })
}

function kubeletConfiguration(cgroup: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    // Nothing but the lab reaches it: whoever does may.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    staticPodPath: '/etc/kubernetes/manifests',
    fileCheckFrequency: '1s',
    resolvConf: '/etc/resolv.conf',
    makeIPTablesUtilChains: false,
    failSwapOn: false,
    nodeStatusUpdateFrequency: '2s',
    nodeLeaseDurationSeconds: 8,
    // No pod is evicted and no image removed because this machine's disk is full.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '64Mi',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
  }
}

function podNetwork(subnet: string): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipam: { type: 'host-local', dataDir: '/run/cni', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
    ],
  }
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, JSON.stringify(value, undefined, 2))
}
