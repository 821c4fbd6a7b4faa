#!/bin/bash
# Forms the group of three MySQL servers, and brings back those that have left it.
#   form.sh                    looks every two seconds, for ever; changes nothing while all three are there
#   form.sh bootstrap mysql-2  begins the group anew with this node alone: for a person, where one of three is lost for good
# After all of them were down it waits for all three, and begins with the one that has every transaction of the others: a
# node that it cannot see may have some that nobody else has.
set -uo pipefail
nodes=(mysql-1 mysql-2 mysql-3)
ready=${READY:-/tmp/ready}  # there while there is a primary with the service's tables
database=$MYSQL_DATABASE
declare -A state

said=
say() { [ "$*" = "$said" ] || echo "form.sh: $*"; said=$*; }  # once

sql() {  # NODE STATEMENTS, which may hold passwords: arguments are seen by whoever lists processes
  MYSQL_PWD=$MYSQL_ROOT_PASSWORD timeout "${seconds:-5}" \
    mysql --user=root --host="$1" --connect-timeout=3 --skip-column-names --batch <<<"$2"
}

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/['\\\\]/\\\\&/g")"; }

look() {  # state[NODE]: away, or what it says of itself; stuck: in a group of which it sees no majority
  local node
  for node in "${nodes[@]}"; do
    state[$node]=$(sql "$node" "
      SELECT CASE
        WHEN MAX(IF(MEMBER_ID = @@server_uuid, MEMBER_STATE, NULL)) IS NULL THEN 'OFFLINE'
        WHEN 2 * SUM(MEMBER_STATE = 'UNREACHABLE') >= COUNT(*) THEN 'stuck'
        ELSE MAX(IF(MEMBER_ID = @@server_uuid, MEMBER_STATE, NULL))
      END FROM performance_schema.replication_group_members" 2>/dev/null) || state[$node]=away
  done
}

count() {  # STATES...: how many nodes are in one of them
  local node wanted number=0
  for node in "${nodes[@]}"; do for wanted in "$@"; do [ "${state[$node]}" = "$wanted" ] && number=$((number + 1)); done; done
  echo "$number"
}

prepare() {  # NODE: lets one that was never in the group take part in it; false where it has something of its own
  local user
  case "$(sql "$1" "SELECT IF(LOCATE('$GROUP', @@gtid_executed), 'member', IF(COUNT(*), 'other', 'new'))
      FROM information_schema.schemata WHERE schema_name = '$database'" 2>/dev/null)" in
    member) return 0 ;;
    new) ;;
    other) say "$1 has a database $database that is not of this group: it is left alone"; return 1 ;;
    *) return 1 ;;
  esac
  user="'replication'@'%'"
  # What its first start has written is the same everywhere, and must not count as a transaction that others lack.
  sql "$1" "
    SET GLOBAL super_read_only = OFF;
    SET GLOBAL read_only = OFF;
    SET SQL_LOG_BIN = 0;
    CREATE USER IF NOT EXISTS $user IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");
    GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO $user;
    SET SQL_LOG_BIN = 1;
    RESET BINARY LOGS AND GTIDS;
    CHANGE REPLICATION SOURCE TO SOURCE_USER = 'replication', SOURCE_PASSWORD = $(quoted "$MYSQL_ROOT_PASSWORD")
      FOR CHANNEL 'group_replication_recovery';
    SET GLOBAL super_read_only = ON"
}

join() {  # NODE
  prepare "$1" || return 0
  say "$1 joins the group"
  # One that was thrown out of the group has closed itself to the service, and stays so when it is back. One that began
  # the group while this script was killed would begin another.
  seconds=120 sql "$1" "
    STOP GROUP_REPLICATION;
    SET GLOBAL offline_mode = OFF;
    SET GLOBAL group_replication_bootstrap_group = OFF;
    START GROUP_REPLICATION" || say "$1 did not join"
}

begin() {  # NODE: the group is what this node has
  say "the group begins with $1"
  seconds=120 sql "$1" "
    STOP GROUP_REPLICATION;
    SET GLOBAL offline_mode = OFF;
    SET GLOBAL group_replication_bootstrap_group = ON;
    START GROUP_REPLICATION" || say "$1 did not begin"
  sql "$1" "SET GLOBAL group_replication_bootstrap_group = OFF"
}

transactions() {  # NODE: all that it has done, or has and will do
  sql "$1" "SELECT CONCAT_WS(',', NULLIF(@@gtid_executed, ''), (
    SELECT NULLIF(RECEIVED_TRANSACTION_SET, '') FROM performance_schema.replication_connection_status
    WHERE CHANNEL_NAME = 'group_replication_applier'))" | sed 's/\\n//g' | tr -d '\n'
}

begin_with_the_newest() {
  local node other newest
  local -A has
  for node in "${nodes[@]}"; do prepare "$node" || return 0; has[$node]=$(transactions "$node") || return 0; done
  for node in "${nodes[@]}"; do
    newest=$node
    for other in "${nodes[@]}"; do
      [ "$(sql "$node" "SELECT GTID_SUBSET('${has[$other]}', '${has[$node]}')")" = 1 ] || newest=
    done
    [ -z "$newest" ] || { begin "$newest"; return; }
  done
  say "each node has transactions that another lacks: a person has to choose one: form.sh bootstrap NODE"
}

primary() {
  local node
  for node in "${nodes[@]}"; do
    [ "${state[$node]}" = ONLINE ] || continue
    sql "$node" "SELECT MEMBER_HOST FROM performance_schema.replication_group_members
      WHERE MEMBER_ROLE = 'PRIMARY' AND MEMBER_STATE = 'ONLINE'" 2>/dev/null && return
  done
}

make_tables() {  # NODE: the primary. Once, for the whole group: the last thing of it says that all of it is done
  local user made
  made=$(sql "$1" "SELECT COUNT(*) FROM mysql.tables_priv WHERE User = $(quoted "$MYSQL_USER")
    AND Db = 'performance_schema' AND Table_name = 'replication_group_members'") || return
  [ "$made" = 0 ] || return 0
  say "$1 makes the tables and the user of the service"
  user="$(quoted "$MYSQL_USER")@'%'"
  MYSQL_PWD=$MYSQL_ROOT_PASSWORD timeout 300 mysql --user=root --host="$1" --default-character-set=utf8mb4 </sql/init.sql &&
    sql "$1" "
      CREATE USER IF NOT EXISTS $user IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");
      GRANT ALL ON \`$database\`.* TO $user;
      GRANT SELECT ON performance_schema.replication_group_members TO $user"
}

if [ "${1:-}" = bootstrap ]; then
  begin "$2"
  exit
fi

while :; do
  look
  if [ "$(count ONLINE RECOVERING)" -gt 0 ]; then
    for node in "${nodes[@]}"; do
      case "${state[$node]}" in OFFLINE | ERROR) join "$node" ;; esac
    done
    leader=$(primary)
    if [ -n "$leader" ] && make_tables "$leader"; then touch "$ready"; else rm -f "$ready"; fi
  else
    rm -f "$ready"
    if [ "$(count away)" = 0 ]; then
      # All are here, and none of them is in a group that can go on.
      for node in "${nodes[@]}"; do
        [ "${state[$node]}" != stuck ] || seconds=120 sql "$node" "STOP GROUP_REPLICATION"
      done
      # One that could not be stopped may go on with another: then there would be two groups.
      look
      if [ "$(count OFFLINE ERROR)" = 3 ]; then begin_with_the_newest; else say "waits until no node is in a group"; fi
    else
      say "waits for all three: $(for node in "${nodes[@]}"; do printf '%s %s ' "$node" "${state[$node]}"; done)"
    fi
  fi
  sleep 2
done
