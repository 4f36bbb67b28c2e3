// Compiles every translated kernel with a Vulkan driver. Prints a line per pipeline with its name and the statistics of the
// driver's compiler as `name=value`, separated by tabs. Runs nothing, so a device that computes nothing suffices.
//
// usage: pipelines FOLDER ENDING; FOLDER/pipelines.txt lists, per line, a name, an entry point and the letters of the bindings.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define MOST 64

static void must(VkResult result, const char *what) {
    if (result != VK_SUCCESS) {
        fprintf(stderr, "%s: VkResult %d\n", what, result);
        exit(1);
    }
}

static VkDevice device;
static int robust;

/// The first device of the only driver, as wgpu opens it: checked by the driver where it has robustBufferAccess2.
static void open_device(void) {
    VkApplicationInfo application = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
    VkInstanceCreateInfo create = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkInstance instance;
    must(vkCreateInstance(&create, NULL, &instance), "instance");
    VkPhysicalDevice physical;
    uint32_t count = 1;
    VkResult listed = vkEnumeratePhysicalDevices(instance, &count, &physical);
    must(listed == VK_INCOMPLETE ? VK_SUCCESS : listed, "devices");
    if (count == 0) {
        fprintf(stderr, "no device\n");
        exit(1);
    }
    VkPhysicalDeviceDriverProperties driver = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceProperties2 about = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
    vkGetPhysicalDeviceProperties2(physical, &about);
    VkPhysicalDeviceRobustness2FeaturesEXT robustness = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT};
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR told = {
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, .pNext = &robustness};
    VkPhysicalDeviceFeatures2 has = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &told};
    vkGetPhysicalDeviceFeatures2(physical, &has);
    if (!told.pipelineExecutableInfo) {
        fprintf(stderr, "the driver has no statistics of pipelines\n");
        exit(1);
    }
    robust = robustness.robustBufferAccess2;
    robustness.robustImageAccess2 = robustness.nullDescriptor = 0;
    has.features = (VkPhysicalDeviceFeatures){.robustBufferAccess = 1};
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    const char *names[] = {"VK_KHR_pipeline_executable_properties", "VK_EXT_robustness2"};
    VkDeviceCreateInfo want = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &has, .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue, .enabledExtensionCount = robust ? 2 : 1, .ppEnabledExtensionNames = names};
    if (!robust) told.pNext = NULL;
    must(vkCreateDevice(physical, &want, NULL, &device), "device");
    printf("# %s, %s %s\n", about.properties.deviceName, driver.driverName, driver.driverInfo);
}

static VkShaderModule module_of(const char *folder, const char *name, const char *ending) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s.%s.spv", folder, name, ending, robust ? "Driver" : "Shader");
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    static uint32_t words[1 << 20];
    VkShaderModuleCreateInfo create = {
        VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = fread(words, 1, sizeof words, file), .pCode = words};
    fclose(file);
    VkShaderModule module;
    must(vkCreateShaderModule(device, &create, NULL, &module), path);
    return module;
}

static VkPipelineLayout layout_of(const char *letters) {
    VkDescriptorSetLayoutBinding bindings[MOST];
    uint32_t count = strlen(letters);
    for (uint32_t i = 0; i < count; i++) {
        VkDescriptorType type = letters[i] == 'p' ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
        bindings[i] = (VkDescriptorSetLayoutBinding){i, type, 1, VK_SHADER_STAGE_COMPUTE_BIT};
    }
    VkDescriptorSetLayoutCreateInfo create = {
        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
    VkDescriptorSetLayout set;
    must(vkCreateDescriptorSetLayout(device, &create, NULL, &set), "bindings");
    VkPipelineLayoutCreateInfo sets = {
        VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set};
    VkPipelineLayout layout;
    must(vkCreatePipelineLayout(device, &sets, NULL, &layout), "layout");
    return layout;
}

static void print_statistics(VkPipeline pipeline) {
    PFN_vkGetPipelineExecutableStatisticsKHR statistics_of =
        (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableStatisticsKHR");
    VkPipelineExecutableInfoKHR which = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutableStatisticKHR all[MOST];
    for (int i = 0; i < MOST; i++)
        all[i] = (VkPipelineExecutableStatisticKHR){VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    uint32_t count = MOST;
    must(statistics_of(device, &which, &count, all), "statistics");
    for (uint32_t i = 0; i < count; i++) {
        int real = all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR;
        printf("\t%s=%.0f", all[i].name, real ? all[i].value.f64 : (double)all[i].value.u64);
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: pipelines FOLDER ENDING\n");
        return 2;
    }
    open_device();
    char path[1024], name[512], entry[128], letters[MOST];
    snprintf(path, sizeof path, "%s/pipelines.txt", arguments[1]);
    FILE *list = fopen(path, "r");
    if (!list) {
        perror(path);
        return 1;
    }
    while (fscanf(list, "%511s %127s %63s", name, entry, letters) == 3) {
        VkPipelineShaderStageCreateInfo stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module_of(arguments[1], name, arguments[2]), .pName = entry};
        VkComputePipelineCreateInfo create = {VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR, .stage = stage, .layout = layout_of(letters)};
        VkPipeline pipeline;
        must(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &create, NULL, &pipeline), name);
        printf("%s", name);
        print_statistics(pipeline);
        printf("\n");
    }
    return 0;
}
