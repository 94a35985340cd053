/**
 * What a new machine runs at its first boot, as root: it starts the node, or the relay, which joins. The image holds a checkout in `/opt/gantry`; a
 * unit `gantry-node.service` of its own is left as it is.
 */
export function userData(node: {
  url: string
  joinToken: string
  instanceId: string
  purpose: string
}): string {
  const settings = {
    ROLES: node.purpose === 'relay' ? 'relay' : 'node',
    ...(node.purpose === 'relay' && { HOST: '0.0.0.0' }),
    CONTROL_PLANE_URL: node.url,
    JOIN_TOKEN: node.joinToken,
    INSTANCE_ID: node.instanceId,
    GANTRY_HOME: '/var/lib/gantry',
    LOG_FORMAT: 'json',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${quoted(value)}`)
  return `#!/bin/sh
set -eu
umask 077
mkdir -p /etc/gantry /var/lib/gantry
cat > /etc/gantry/node.env <<'GANTRY_END'
${lines.join('\n')}
GANTRY_END
umask 022
if [ ! -e /etc/systemd/system/gantry-node.service ]; then
cat > /etc/systemd/system/gantry-node.service <<'GANTRY_END'
${UNIT}GANTRY_END
fi
systemctl daemon-reload
systemctl enable --now gantry-node.service
`
}

const UNIT = `[Unit]
Description=Gantry node
Wants=network-online.target
After=network-online.target

[Service]
WorkingDirectory=/opt/gantry
EnvironmentFile=/etc/gantry/node.env
ExecStart=/opt/gantry/node_modules/.bin/node cli/bin/gantry.mjs serve
KillMode=mixed
TimeoutStopSec=75
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
`

/** A value of an environment file. @throws Error for one that would not stay on its line */
function quoted(value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value) || /['"\\$`]/.test(value)) {
    throw new Error('a setting of a new machine holds a character that cannot be passed on')
  }
  return value
}
