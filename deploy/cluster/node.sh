#!/bin/sh
# One MySQL of the group, by its NODE number. form.sh lets it join; until then one that has data takes no writes.
# With the clone plugin one that comes back empty gets all from another, however old their oldest binary log is.
set -eu
read_only=ON
[ -d /var/lib/mysql/mysql ] || read_only=OFF  # it is about to be made
exec docker-entrypoint.sh mysqld \
  --super-read-only="$read_only" \
  --server-id="$NODE" \
  --report-host="mysql-$NODE" \
  --max-connections=1000 \
  --log-bin=binlog \
  --gtid-mode=ON \
  --enforce-gtid-consistency=ON \
  --plugin-load-add=group_replication.so \
  --plugin-load-add=mysql_clone.so \
  --loose-group-replication-group-name="$GROUP" \
  --loose-group-replication-start-on-boot=OFF \
  --loose-group-replication-local-address="mysql-$NODE:33061" \
  --loose-group-replication-group-seeds=mysql-1:33061,mysql-2:33061,mysql-3:33061 \
  --loose-group-replication-recovery-get-public-key=ON
