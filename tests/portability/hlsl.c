// Compiles every translated kernel with a Direct3D compiler, FXC (d3dcompiler_47.dll) or DXC (dxcompiler.dll), called as wgpu
// calls it. Prints a line for each kernel that fails, and the number of those that compile.
//
// usage: hlsl fxc|dxc FOLDER; each line of FOLDER/pipelines.txt has a name and an entry point.
#define COBJMACROS
#include <windows.h>
#include <d3dcompiler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// MinGW lacks dxcapi.h: these are the three interfaces, up to the last method that is called.
typedef struct {
    const void *text;
    SIZE_T bytes;
    UINT encoding;
} DxcBuffer;
#define UNKNOWN(T) \
    HRESULT(WINAPI *query)(T *, const GUID *, void **); \
    ULONG(WINAPI *add)(T *); \
    ULONG(WINAPI *release)(T *);
typedef struct DxcResult DxcResult;
struct DxcResult {
    struct {
        UNKNOWN(DxcResult)
        HRESULT(WINAPI *status)(DxcResult *, HRESULT *);
        HRESULT(WINAPI *result)(DxcResult *, ID3DBlob **);
        HRESULT(WINAPI *errors)(DxcResult *, ID3DBlob **);
    } *table;
};
typedef struct DxcCompiler DxcCompiler;
struct DxcCompiler {
    struct {
        UNKNOWN(DxcCompiler)
        HRESULT(WINAPI *compile)(DxcCompiler *, const DxcBuffer *, const wchar_t **, UINT, void *, const GUID *, void **);
    } *table;
};
static const GUID CLASS = {0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
static const GUID COMPILER = {0x228b4687, 0x5a6a, 0x4730, {0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54}};
static const GUID RESULT = {0x58346cda, 0xdde7, 0x4497, {0x94, 0x61, 0x6f, 0x87, 0xaf, 0x5e, 0x06, 0x59}};

typedef HRESULT(WINAPI *Create)(const GUID *, const GUID *, void **);
static pD3DCompile fxc;
static DxcCompiler *dxc;

static int load(const char *which) {
    if (!strcmp(which, "fxc")) {
        fxc = (pD3DCompile)GetProcAddress(LoadLibraryA("d3dcompiler_47.dll"), "D3DCompile");
        return fxc != NULL;
    }
    Create create = (Create)GetProcAddress(LoadLibraryA("dxcompiler.dll"), "DxcCreateInstance");
    return create && create(&CLASS, &COMPILER, (void **)&dxc) == S_OK;
}

/// Whether the text compiles. If not, prints the compiler's messages.
static int compiles(const char *text, SIZE_T bytes, const char *entry) {
    ID3DBlob *code = NULL, *errors = NULL;
    HRESULT result;
    if (fxc) {
        result = fxc(text, bytes, NULL, NULL, NULL, entry, "cs_5_1", D3DCOMPILE_ENABLE_STRICTNESS, 0, &code, &errors);
    } else {
        wchar_t wide[128];
        mbstowcs(wide, entry, 128);
        const wchar_t *options[] = {L"-E", wide, L"-T", L"cs_6_0", L"-HV", L"2018", L"-no-warnings", L"-Ges"};
        DxcBuffer buffer = {text, bytes, 0};
        DxcResult *told = NULL;
        result = dxc->table->compile(dxc, &buffer, options, 8, NULL, &RESULT, (void **)&told);
        if (result == S_OK) {
            told->table->status(told, &result);
            told->table->errors(told, &errors);
        }
    }
    if (result != S_OK && errors) printf("%s\n", (const char *)ID3D10Blob_GetBufferPointer(errors));
    return result == S_OK;
}

int main(int count, char **arguments) {
    if (count != 3 || !load(arguments[1])) {
        fprintf(stderr, "usage: hlsl fxc|dxc FOLDER, where the compiler's library is at hand\n");
        return 2;
    }
    char path[1024], name[512], entry[128];
    snprintf(path, sizeof path, "%s/pipelines.txt", arguments[2]);
    FILE *list = fopen(path, "r");
    if (!list) return 2;
    int good = 0, bad = 0;
    while (fscanf(list, "%511s %127s %*s", name, entry) == 2) {
        static char text[1 << 20];
        snprintf(path, sizeof path, "%s/%s.%s.hlsl", arguments[2], name, fxc ? "V5_1" : "V6_0");
        FILE *file = fopen(path, "rb");
        SIZE_T bytes = file ? fread(text, 1, sizeof text, file) : 0;
        if (file) fclose(file);
        int fine = bytes > 0 && compiles(text, bytes, entry);
        if (!fine) printf("%s: FAILED\n", name);
        *(fine ? &good : &bad) += 1;
        fflush(stdout);
    }
    printf("%d compile, %d fail\n", good, bad);
    return bad > 0 || good == 0;
}
