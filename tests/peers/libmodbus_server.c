/* A Modbus server by libmodbus, for tests: prints its port, then serves TCP until it is killed; or, with a serial
   port as its argument, prints 0 and serves RTU as unit 1 there.

   Input registers 0..9 hold 1000 + address; holding registers 10..13 hold 123456.0 as a float in CDAB and
   -2 as an int32 in ABCD; coil 3 and discrete input 5 are on. Every connection is served, one thread each. */
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <arpa/inet.h>

static modbus_mapping_t *map;

static void *serve(void *argument)
{
    modbus_t *bus = modbus_new_tcp("127.0.0.1", 0);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(bus, (int)(long)argument);
    for (;;) {
        int length = modbus_receive(bus, query);
        if (length > 0)
            modbus_reply(bus, query, length, map);
        else if (length < 0)
            break;
    }
    modbus_close(bus);
    modbus_free(bus);
    return NULL;
}

static int listen_on_a_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 32)) {
        perror("listen");
        exit(1);
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static int serve_line(const char *port)
{
    modbus_t *bus = modbus_new_rtu(port, 9600, 'N', 8, 1);
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    modbus_set_slave(bus, 1);
    if (modbus_connect(bus)) {
        perror("connect");
        return 1;
    }
    printf("0\n");
    fflush(stdout);
    for (;;) {
        int length = modbus_receive(bus, query);
        if (length > 0)
            modbus_reply(bus, query, length, map);
    }
}

int main(int count, char **arguments)
{
    map = modbus_mapping_new(16, 16, 14, 10);
    for (int address = 0; address < 10; address++)
        map->tab_input_registers[address] = 1000 + address;
    map->tab_registers[10] = 0x2000; /* 123456.0f is 0x47F12000 */
    map->tab_registers[11] = 0x47F1;
    map->tab_registers[12] = 0xFFFF;
    map->tab_registers[13] = 0xFFFE;
    map->tab_bits[3] = 1;
    map->tab_input_bits[5] = 1;
    if (count > 1)
        return serve_line(arguments[1]);
    for (int listener = listen_on_a_free_port();;) {
        pthread_t thread;
        long connection = accept(listener, NULL, NULL);
        if (connection >= 0 && !pthread_create(&thread, NULL, serve, (void *)connection))
            pthread_detach(thread);
    }
}
