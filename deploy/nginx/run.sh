#!/bin/sh
# Runs nginx in its container, and has it look again when an api container has a new address or the certificate is new.
# By itself nginx resolves the names of an upstream once, at its start, and reads certificates once.
set -u

addresses() { getent ahostsv4 api | awk '{print $1}' | sort -u; }
certificate() { cksum /etc/nginx/ssl/cert.pem; }

watch() {
  known=$1 served=$2 differs=0
  while sleep 2; do
    now=$(addresses) renewed=$(certificate) news=
    for address in $now; do
      case " $(echo $known) " in *" $address "*) ;; *) news=yes ;; esac
    done
    [ "$renewed" = "$served" ] || news=yes
    # An address that has gone mostly comes back, after a restart. Only when it stays away is it worth a reload.
    if [ "$now" = "$known" ]; then differs=0; else differs=$((differs + 1)); fi
    [ "$differs" -lt 30 ] || news=yes
    if [ -n "$news" ] && nginx -t -q && nginx -s reload; then
      known=$now served=$renewed differs=0
    fi
  done
}

watch "$(addresses)" "$(certificate)" &
exec nginx -g 'daemon off;'
